/** A worker that reads the weights of blocks into shared memory, one block after the other, as it is asked: see `ThreadReader`. */
import { workerData } from "node:worker_threads";
import { useBackend } from "@gpt/tensor";
import type { PackedParts } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import { GPTError } from "../errors.ts";
import { matrixShape } from "../layout.ts";
import { GPT } from "../model.ts";
import { slotsOf } from "../slots.ts";
import type { Slot } from "../slots.ts";
import { partsAs } from "../model-weights.ts";
import { rowRanges } from "../weight-source.ts";
import type { WeightSource } from "../weight-source.ts";
import { controlWords, partsOf, slotsOfBlocks } from "./block-memory.ts";
import type { ReadingAnswer, ReadingTask } from "./block-memory.ts";
import { openStoredWeights } from "./model-folder.ts";

const { path, config, dtypes, control, memory, port } = workerData as ReadingTask;
const words = new Int32Array(control);

/** Elements that are read at once. */
const maxElements = 2 ** 24;

const plan = useBackend(meta(), () => new GPT(config, { dtype: dtypes }));
const slots = slotsOfBlocks([...slotsOf(plan)], config.blocks.length);
const source = open();
source.catch(() => undefined); // Told with the first block.

port.on("message", (layer: number) => {
  void answer(layer).then((answer) => {
    port.postMessage(answer);
    Atomics.add(words, controlWords.answers, 1);
    Atomics.notify(words, controlWords.answers);
  });
});

async function open(): Promise<WeightSource> {
  const source = await openStoredWeights(path);
  await source.check([...slotsOf(plan)]);
  return source;
}

/** Reads a block. */
async function answer(layer: number): Promise<ReadingAnswer> {
  try {
    const weights = await source;
    const parts = partsOf(slots[layer], memory);
    for (const [index, slot] of slots[layer].entries()) await readSlot(weights, slot, parts[index]);
    return {};
  } catch (error) {
    const { message } = error as Error;
    return { problem: { code: error instanceof GPTError ? error.code : "read-failed", message } };
  }
}

async function readSlot(source: WeightSource, slot: Slot, { values, scales }: PackedParts): Promise<void> {
  const [rows] = matrixShape(slot);
  for (const range of rowRanges(slot, maxElements)) {
    const { start } = range;
    const own = partsAs(slot.dtype, await source.read(slot, range));
    values.set(own.values, (start / rows) * values.length);
    if (scales && own.scales) scales.set(own.scales, (start / rows) * scales.length);
    Atomics.add(words, controlWords.progress, 1);
  }
}
