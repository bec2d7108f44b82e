import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { resolveConfig } from "@gpt/gpt";
import { findPython } from "../harness/python.ts";
import type { ContenderProgram } from "../harness/contender.ts";
import { Contender } from "../harness/contender.ts";
import { withTemporaryFolder } from "../harness/temporary.ts";
import { writeGguf } from "../models/gguf.ts";
import { randomTokens, weightShapes, writeWeights } from "../models/weights.ts";
import type { DecodingResult } from "./decoding.ts";
import type { TrainingResult, TrainingSetup } from "./training.ts";

const config = resolveConfig({ vocabSize: 512, contextLength: 96, layers: 3, heads: 2, dim: 128 });

async function ask(program: ContenderProgram, ...tasks: unknown[]): Promise<unknown[]> {
  const contender = await Contender.start(program);
  try {
    const results: unknown[] = [];
    for (const task of tasks) results.push(await contender.ask(task));
    return results;
  } finally {
    await contender.close();
  }
}

test("llama.cpp continues prompts with the same tokens as ours, from the same weights", async () => {
  await withTemporaryFolder(async (folder) => {
    const model = join(folder, "model.gguf");
    await writeGguf(model, config, "F32");
    const ids = randomTokens(40, config.vocabSize);
    const tasks = Array.from({ length: 12 }, (_, i) => ({ prompt: ids.slice(i, 4 + 3 * i), tokens: 8 }));
    const ours = { name: "ours", file: "decode-ours.ts", setup: { config, threads: 1 } };
    const llama = { name: "llama", file: "decode-llama.ts", setup: { model, threads: 1, exactCache: true } };
    const [own, theirs] = [await ask(ours, ...tasks), await ask(llama, ...tasks)].map((results) =>
      (results as DecodingResult[]).flatMap((result) => result.ids),
    );
    assert.deepEqual(own, theirs);
    assert.ok(new Set(own).size > 12, `the tokens ${own.join()} vary, so that agreement means something`);
  });
});

for (const [dtype, theirs] of [
  ["int8", "Q8_0"],
  ["f16", "F16"],
] as const) {
  test(`llama.cpp reads ${theirs}, and mostly finds the same next token as ours in ${dtype}`, async () => {
    await withTemporaryFolder(async (folder) => {
      const model = join(folder, "model.gguf");
      await writeGguf(model, config, theirs);
      const ids = randomTokens(60, config.vocabSize);
      const tasks = Array.from({ length: 20 }, (_, i) => ({ prompt: ids.slice(i, 4 + 2 * i), tokens: 1 }));
      const [own, others] = [
        await ask({ name: "ours", file: "decode-ours.ts", setup: { config, dtype, threads: 1 } }, ...tasks),
        await ask({ name: "llama", file: "decode-llama.ts", setup: { model, threads: 1 } }, ...tasks),
      ].map((results) => (results as DecodingResult[]).map((result) => result.ids[0]));
      const same = own.filter((id, i) => id === others[i]).length;
      assert.ok(same >= 16, `${same} of ${own.length} tokens are the same`);
    });
  });
}

const python = findPython();
const others = [
  { name: "PyTorch", file: "train-torch.py", python, skip: python ? false : "no Python has PyTorch" },
  { name: "tfjs-wasm", file: "train-tfjs.ts", skip: false },
];
for (const { skip, ...program } of others) {
  test(`${program.name} has the losses of ours in the first three steps`, { skip }, async () => {
    await withTemporaryFolder(async (folder) => {
      const weights = join(folder, "weights.f32");
      const parameters = weightShapes(config);
      writeWeights(weights, parameters);
      const [batch, context] = [2, 16];
      const tokens = randomTokens(batch * context + 1, config.vocabSize);
      // A rate so high that the third loss shows what the first two steps did.
      const optimizer = { learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1, clip: 1 };
      const setup: TrainingSetup = { config, weights, parameters, batch, context, tokens, threads: 1, optimizer };
      const losses = async (program: ContenderProgram): Promise<readonly number[]> =>
        ((await ask({ ...program, setup }, { milliseconds: 3000 })) as TrainingResult[])[0].losses;
      const [own, theirs] = [await losses({ name: "ours", file: "train-ours.ts" }), await losses(program)];
      assert.equal(own.length, 3);
      for (const [i, loss] of own.entries())
        assert.ok(Math.abs(loss - theirs[i]) < 1e-4 * loss, `${own.join()} ${theirs.join()}`);
      assert.ok(own[0] - own[2] > 0.1, "the loss falls");
    });
  });
}
