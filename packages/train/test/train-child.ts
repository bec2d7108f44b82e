/**
 * Trains a small model into the folder that the first argument names, from where an earlier process was killed, and
 * prints the number of each step.
 */
import { isGptError, startDefaultBackend } from "@gpt/tensor";
import { train } from "../src/loop/train.ts";
import { patternedData, tinyModel } from "./fixtures.ts";
import { createRun, resumeRun } from "../src/node/run-folder.ts";

const [, , directory] = process.argv;
await startDefaultBackend();
const { model, ...options } = await createRun(directory).then(
  (checkpointer) => ({ model: tinyModel({ dropout: 0.2 }), checkpointer }),
  (error: unknown) => {
    if (isGptError(error) && error.code === "run-exists") return resumeRun(directory);
    throw error;
  },
);
const settings = { data: patternedData(), steps: 40, batchSize: 2, accumulationSteps: 2, evaluateEvery: 7 };
for await (const event of train(model, { ...settings, logEvery: 1, checkpointEvery: 1, ...options })) {
  if (event.type === "step") process.stdout.write(`${event.step}\n`);
  if (event.type === "done") process.stdout.write("done\n");
}
