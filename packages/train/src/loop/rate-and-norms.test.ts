import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { options, run, stepsOf, weights } from "../../test/loop.ts";
import { collect, startBackend, tinyModel } from "../../test/fixtures.ts";
import { createRun, resumeRun } from "../node/run-folder.ts";
import { train } from "./train.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);
beforeEach(async () => void (await startBackend()));

test("the rate is multiplied by what is asked for before each step", async () => {
  const plain = stepsOf(await run(tinyModel(), { logEvery: 1 }));
  let step = 0;
  const factors = [1, 1, 3, 0.5];
  const events = stepsOf(await run(tinyModel(), { logEvery: 1, rateFactor: () => factors[step++ % 4] }));
  expect(events.map(({ learningRate }) => learningRate)).toEqual(plain.map(({ learningRate }, i) => learningRate * factors[i % 4]));
  for (const wrong of [-1, NaN, "2"]) {
    await expect(run(tinyModel(), { rateFactor: () => wrong as number })).rejects.toMatchObject({ code: "invalid-option", message: expect.stringContaining("rateFactor") as string });
  }
});

test("a run goes on from a checkpoint with the factor that was in force, bit by bit", async () => {
  const whole = tinyModel();
  let factor = 1;
  const change = { rateFactor: () => factor };
  for await (const event of train(whole, options({ logEvery: 1, ...change }))) if (event.type === "step" && event.step === 4) factor = 2.5;

  const directory = join(await temporary.folder(), "run");
  const end = new AbortController();
  factor = 1;
  const part = options({ logEvery: 1, ...change, checkpointer: await createRun(directory), signal: end.signal });
  for await (const event of train(tinyModel(), part)) {
    if (event.type !== "step") continue;
    if (event.step === 4) factor = 2.5;
    if (event.step === 7) end.abort();
  }
  const { model, ...resumed } = await resumeRun(directory);
  expect(resumed.resume).toMatchObject({ step: 7, rateFactor: 2.5 });
  await collect(train(model, options(resumed)));
  expect(weights(model)).toEqual(weights(whole));
});

test("tells the norms of the gradients by parts, of which that of all consists", async () => {
  for (const accumulationSteps of [1, 3]) {
    const events = stepsOf(await run(tinyModel({ layers: 3, tiedHead: false }), { logEvery: 2, accumulationSteps, gradientNorms: true }));
    for (const { gradientNorm, gradientNorms } of events) {
      const { embedding, blocks, head } = gradientNorms!;
      expect(blocks).toHaveLength(3);
      for (const part of [embedding, ...blocks, head]) expect(part).toBeGreaterThan(0);
      expect(Math.hypot(embedding, ...blocks, head) / gradientNorm).toBeCloseTo(1, 5);
    }
  }
  expect(stepsOf(await run(tinyModel()))[0]).not.toHaveProperty("gradientNorms");
});
