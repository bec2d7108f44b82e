import { joinRows } from "@gpt/tensor";
import type { PackedParts } from "@gpt/tensor";
import { readRange } from "@gpt/formats";
import { decodeGGUF, ggufFormats, rowBytes } from "@gpt/formats/gguf";
import type { GGUFFileTensor, GGUFModelFiles } from "@gpt/formats/gguf";
import type { TensorNames } from "../architectures/architecture.ts";
import { GPTError } from "../errors.ts";
import { matchWeights } from "../folder/match-weights.ts";
import type { Match } from "../folder/match-weights.ts";
import type { OnNote } from "../folder/notes.ts";
import { matrixShape, runsWithin } from "../layout.ts";
import type { Run } from "../layout.ts";
import { matrixRoles } from "../matrix-dtypes.ts";
import type { MatrixDTypes } from "../matrix-dtypes.ts";
import type { Slot } from "../slots.ts";
import type { RowRange, WeightSource } from "../weight-source.ts";
import { dtypeOf, isPacked, notFinite, tensorIn, unpackRows } from "./packed-rows.ts";

/** Bytes that are read at once where rows lie among others. */
const maxSpan = 2 ** 24;

/** The weights in GGUF files, under the names and in the layout of their architecture. */
export class GGUFWeights implements WeightSource {
  readonly name: string;
  readonly #files: GGUFModelFiles;
  readonly #names: TensorNames;
  readonly #onNote: OnNote;
  #match: Match<GGUFFileTensor> = { runs: new Map(), tensors: new Map(), tied: undefined };

  constructor(name: string, files: GGUFModelFiles, names: TensorNames, onNote: OnNote) {
    this.name = name;
    this.#files = files;
    this.#names = names;
    this.#onNote = onNote;
  }

  /** Of all tensors in the files. */
  get bytes(): number {
    return this.#files.tensors.reduce((sum, { entry: { start, end } }) => sum + end - start, 0);
  }

  check(slots: readonly Slot[]): Promise<void> {
    this.#match = matchWeights(slots, this.#names, this.#files.tensors, this.name, "its metadata", this.#onNote);
    for (const { path } of slots.filter(({ role }) => role === "vector")) {
      for (const { tensor } of this.#match.runs.get(path) ?? []) {
        const { entry: { dtype }, file, name } = this.#tensor(tensor);
        if (ggufFormats[dtype].block === 1) continue;
        throw new GPTError("unsupported-model", `${tensorIn(file.name, name)} is in ${dtype}; vectors are read in f32, f16 and bf16`);
      }
    }
    return Promise.resolve();
  }

  /** Dtypes that hold the matrices of a role as they are, where the files have all of them in one. */
  packed(slots: readonly Slot[]): MatrixDTypes {
    const { runs, tensors } = matchWeights(slots, this.#names, this.#files.tensors, this.name, "its metadata", () => {});
    return Object.fromEntries(matrixRoles.flatMap((role) => {
      const found = slots.filter((slot) => slot.role === role && !slot.path.includes(".router.")).flatMap(({ path }) => runs.get(path) ?? []);
      const [dtype, ...others] = new Set(found.map(({ tensor }) => dtypeOf((tensors.get(tensor) as GGUFFileTensor).entry.dtype)));
      return dtype !== undefined && others.length === 0 ? [[role, dtype]] : [];
    }));
  }

  async read(slot: Slot, { start, count }: RowRange): Promise<PackedParts> {
    const [, columns] = matrixShape(slot);
    const runs = runsWithin(this.#match.runs.get(slot.path) ?? [], start, count);
    const types = new Set(runs.map(({ tensor }) => this.#tensor(tensor).entry.dtype));
    const [type] = types;
    const isWhole = types.size === 1 && isPacked(type) && slot.role !== "vector";
    const parts: PackedParts[] = [];
    for (const run of runs) {
      const { entry: { dtype }, file, name } = this.#tensor(run.tensor);
      const bytes = await this.#bytes(run, columns);
      const what = tensorIn(file.name, name);
      parts.push(isWhole ? unpackRows(type, bytes, run.count, columns, what) : decoded(decodeGGUF(dtype, bytes), run.count, columns, what));
    }
    return joinRows(parts);
  }

  /** The bytes of the rows of a run. */
  async #bytes({ tensor, offset, strides, count }: Run, columns: number): Promise<Uint8Array> {
    const { entry, file } = this.#tensor(tensor);
    const width = rowBytes(entry.dtype, columns);
    const [first, stride] = [offset / columns, strides[0] / columns];
    if (stride === 1) return readRange(file, entry.start + first * width, count * width);
    const bytes = new Uint8Array(count * width);
    const some = Math.max(1, Math.floor(maxSpan / (stride * width)));
    for (let i = 0; i < count; i += some) {
      const taken = Math.min(some, count - i);
      const span = await readRange(file, entry.start + (first + i * stride) * width, ((taken - 1) * stride + 1) * width);
      for (let j = 0; j < taken; j++) bytes.set(span.subarray(j * stride * width, (j * stride + 1) * width), (i + j) * width);
    }
    return bytes;
  }

  #tensor(name: string): GGUFFileTensor {
    return this.#match.tensors.get(name) as GGUFFileTensor;
  }

  close(): Promise<void> {
    return this.#files.close();
  }
}

function decoded(values: Float32Array, rows: number, columns: number, what: string): PackedParts {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * 0;
  if (sum !== 0) throw notFinite(what);
  return { dtype: "f32", rows, columns, values, scales: null };
}
