import type { Module } from "@gpt/nn";
import { checkArgument, decodeParts, objectWith } from "@gpt/tensor";
import { GPTError } from "./errors.ts";
import { maxElementsWritten } from "./model-weights.ts";
import type { ReadableWeights } from "./model-weights.ts";
import { slotsOf } from "./slots.ts";
import { rowRanges } from "./weight-source.ts";

/**
 * How far the matrices of a model are from others, ‖a − b‖ / ‖b‖ over the elements of all of them together, vectors left out: what storing them in
 * fewer bits has lost. Both sources have the model's weights, and were checked; they are read by rows. 0 where both are 0.
 *
 * @example
 * const [before, after] = [await openModel("my-model"), await openModel("my-model-q8_0.gguf")];
 * console.log(await relativeError(before.model, after.weights, before.weights));
 */
export async function relativeError(model: Module, weights: ReadableWeights, original: ReadableWeights): Promise<number> {
  const fail = (problem: string): GPTError => new GPTError("invalid-input", `relativeError: ${problem}`);
  checkArgument("model", model, objectWith("a model", "namedWeights()"), fail);
  const source = objectWith("a source of weights", "read()");
  checkArgument("weights", weights, source, fail);
  checkArgument("original", original, source, fail);
  let [differences, squares] = [0, 0];
  for (const slot of slotsOf(model)) {
    if (slot.role === "vector") continue;
    for (const range of rowRanges(slot, maxElementsWritten)) {
      const [a, b] = [decodeParts(await weights.read(slot, range)), decodeParts(await original.read(slot, range))];
      for (let i = 0; i < b.length; i++) {
        differences += (a[i] - b[i]) ** 2;
        squares += b[i] ** 2;
      }
    }
  }
  return differences === 0 ? 0 : Math.sqrt(differences / squares);
}
