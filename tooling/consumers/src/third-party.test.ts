import { run } from "@gpt/testing/commands";
import { expect, test } from "vitest";
import { libraryProject } from "./fresh-project.ts";

interface Answer {
  readonly failures: readonly string[];
  readonly kernels: readonly string[];
  readonly reference: Learnt;
  readonly learnt: Learnt;
}

interface Learnt {
  readonly losses: readonly number[];
  readonly text: string;
  readonly liveBuffers: number;
}

test("a backend of another author, of the required kernels alone, passes the suite and trains a GPT", async () => {
  const files = { "backend.ts": { copy: "backend.ts" }, "main.ts": { copy: "third-party.ts" } };
  const project = await libraryProject(files);
  const { failures, kernels, reference, learnt } = JSON.parse(await run(process.execPath, ["main.ts"], project)) as Answer;
  expect(failures).toEqual([]);
  expect(kernels).toEqual(expect.arrayContaining(["matmul", "attentionGradient", "adamw", "groupedLinear"]));
  expect(learnt.losses[19]).toBeLessThan(0.75 * learnt.losses[0]);
  learnt.losses.forEach((loss, step) => expect(loss).toBeCloseTo(reference.losses[step], 3));
  expect(learnt).toMatchObject({ text: reference.text, liveBuffers: 0 });
});
