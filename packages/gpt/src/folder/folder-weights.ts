import { readTensor } from "@gpt/formats";
import { quote } from "@gpt/tensor";
import type { PackedParts } from "@gpt/tensor";
import type { TensorNames } from "../architectures/architecture.ts";
import { GPTError } from "../errors.ts";
import { copyMatrix, matrixShape, runsWithin } from "../layout.ts";
import type { Run } from "../layout.ts";
import type { Slot } from "../slots.ts";
import type { RowRange, WeightSource } from "../weight-source.ts";
import { configName } from "./config-json.ts";
import { matchWeights } from "./match-weights.ts";
import type { Match } from "./match-weights.ts";
import type { OnNote } from "./notes.ts";
import type { FileTensor, WeightFiles } from "./weight-files.ts";

/** Elements of a file that are read at once where they are turned, or where others lie between them. */
const maxSpan = 2 ** 22;

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

  async check(slots: readonly Slot[]): Promise<void> {
    this.#match = matchWeights(slots, this.#names, this.#files, this.name, this.#onNote);
    if (this.#match.tied) await checkTie(...this.#match.tied, this.name);
  }

  async read({ path, shape }: Slot, { start, count }: RowRange): Promise<PackedParts> {
    const [, columns] = matrixShape(shape);
    const values = new Float32Array(count * columns);
    for (const run of runsWithin(this.#match.runs.get(path) ?? [], start, count)) {
      const source = this.#match.tensors.get(run.tensor) as FileTensor;
      await readRun(source, run, columns, values.subarray((run.first - start) * columns));
    }
    return { dtype: "f32", rows: count, columns, values, scales: null };
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

/** The elements of some rows, `[run.count, columns]`, to `out`. */
async function readRun(
  source: FileTensor, { count, offset, strides: [row, column] }: Run, columns: number, out: Float32Array,
): Promise<void> {
  if (column === 1 && row === columns) {
    out.set(await readFinite(source, offset, count * columns));
    return;
  }
  // The longer way through the file goes step by step; the shorter one lies within what a step reads.
  const isTurned = column > row;
  const [steps, stride, within] = isTurned ? [columns, column, (count - 1) * row + 1] : [count, row, (columns - 1) * column + 1];
  const some = Math.max(1, Math.floor(maxSpan / stride));
  for (let first = 0; first < steps; first += some) {
    const taken = Math.min(some, steps - first);
    const values = await readFinite(source, offset + first * stride, (taken - 1) * stride + within);
    const [target, rows, width] = isTurned ? [first, count, taken] : [first * columns, taken, columns];
    copyMatrix(values, [row, column], out.subarray(target), [columns, 1], rows, width);
  }
}

/** Elements of a tensor. Throws `invalid-file` where one is no finite number: then the file is damaged, or training was. */
async function readFinite({ name, file, entry }: FileTensor, first: number, count: number): Promise<Float32Array> {
  const values = await readTensor(file, name, entry, { first, count });
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  if (sum === 0) return values;
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw new GPTError(
    "invalid-file",
    `${file.name}: tensor ${quote(name)} holds ${values[at]}, as element ${first + at}; the file is damaged, or its training ` +
      "diverged: take another copy, or an earlier checkpoint",
  );
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
