import type { PackedParts } from "@gpt/tensor";
import type { TensorNames } from "../architectures/architecture.ts";
import { GPTError } from "../errors.ts";
import { matrixShape, runsWithin } from "../layout.ts";
import type { Slot } from "../slots.ts";
import type { RowRange, WeightSource } from "../weight-source.ts";
import { configName } from "./config-json.ts";
import { matchWeights } from "./match-weights.ts";
import type { Match } from "./match-weights.ts";
import { readMxfp4 } from "./mxfp4.ts";
import type { OnNote } from "./notes.ts";
import { maxSpan, readFinite, readRun } from "./read-elements.ts";
import { readHalves } from "./read-halves.ts";
import type { FileTensor, WeightFiles } from "./weight-files.ts";

/** The weights in the files of a folder, under the names and in the layout of its architecture. */
export class FolderWeights implements WeightSource {
  readonly name: string;
  readonly #files: WeightFiles;
  readonly #names: TensorNames;
  readonly #onNote: OnNote;
  #match: Match = { runs: new Map(), tensors: new Map(), tied: undefined };

  constructor(name: string, files: WeightFiles, names: TensorNames, onNote: OnNote) {
    this.name = name;
    this.#files = files;
    this.#names = names;
    this.#onNote = onNote;
  }

  /** Of all tensors in the files. */
  get bytes(): number {
    return this.#files.tensors.reduce((sum, { entry: { start, end } }) => sum + end - start, 0);
  }

  async check(slots: readonly Slot[]): Promise<void> {
    this.#match = matchWeights(slots, this.#names, this.#files.tensors, this.name, configName, this.#onNote);
    if (this.#match.tied) await checkTie(...this.#match.tied, this.name);
  }

  async read(slot: Slot, { start, count }: RowRange): Promise<PackedParts> {
    const [, columns] = matrixShape(slot);
    const runs = runsWithin(this.#match.runs.get(slot.path) ?? [], start, count);
    const fileOf = (tensor: string): FileTensor => this.#match.tensors.get(tensor) as FileTensor;
    if (runs.some(({ scales }) => scales !== undefined)) return readMxfp4(runs, columns, fileOf);
    const asStored = await readHalves(runs, slot.dtype, columns, fileOf);
    if (asStored) return asStored;
    const values = new Float32Array(count * columns);
    for (const run of runs) {
      await readRun(fileOf(run.tensor), run, columns, values.subarray((run.first - start) * columns));
    }
    return { dtype: "f32", rows: count, columns, values, scales: null };
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

/**
 * A tied head may be in the files too, but not differ: transformers v5.18.0 (modeling_utils.py, tie_weights) would use
 * it, v4.57.6 would not.
 */
async function checkTie(head: FileTensor, embedding: FileTensor, folder: string): Promise<void> {
  const [size, other] = [head, embedding].map(({ entry }) => entry.shape.reduce((product, length) => product * length, 1));
  let isSame = size === other;
  for (let first = 0; isSame && first < size; first += maxSpan) {
    const count = Math.min(maxSpan, size - first);
    const [a, b] = [await readFinite(head, first, count), await readFinite(embedding, first, count)];
    isSame = a.every((value, i) => value === b[i]);
  }
  if (isSame) return;
  throw new GPTError(
    "invalid-file",
    `${folder}: ${head.name} differs from ${embedding.name}, to which ${configName} ties it; set tie_word_embeddings to ` +
      "false to use it, or save the model again from the program that trained it",
  );
}
