import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";

const directory = join(import.meta.dirname, "fixtures");

/** The path of a file or folder of the fixtures. */
export function fixturePath(...names: string[]): string {
  return join(directory, ...names);
}

/** The names of the fixtures of a kind: each has a JSON file. */
export function fixtureNames(kind: "models" | "folders" | "adapters"): string[] {
  return readdirSync(fixturePath(kind)).flatMap((file) => /^(.+)\.json$/.exec(file)?.slice(1) ?? []);
}

export function readJson<T>(...names: string[]): T {
  return JSON.parse(readFileSync(fixturePath(...names), "utf8")) as T;
}

/** Values that PyTorch computed. */
export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/**
 * The tensors of a safetensors file. It has a reader of its own, a few lines for files that are known to be good, so
 * that the numbers do not depend on the code that they check.
 */
export function readTensors(path: string): Map<string, Values> {
  const { buffer, byteOffset, byteLength } = readFileSync(path);
  const file = buffer.slice(byteOffset, byteOffset + byteLength);
  const headerLength = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, headerLength))) as Record<
    string,
    { dtype: "F32" | "I32"; shape: number[]; data_offsets: [begin: number, end: number] }
  >;
  return new Map(
    Object.entries(header).map(([name, { dtype, shape, data_offsets: [begin, end] }]) => {
      const bytes = file.slice(8 + headerLength + begin, 8 + headerLength + end);
      return [name, { shape, data: dtype === "I32" ? new Int32Array(bytes) : new Float32Array(bytes) }];
    }),
  );
}

/** The tensors whose names begin with `prefix`, under the rest of their names. */
export function subset(tensors: ReadonlyMap<string, Values>, prefix: string): Map<string, Values> {
  const chosen = [...tensors].filter(([name]) => name.startsWith(prefix));
  return new Map(chosen.map(([name, values]) => [name.slice(prefix.length), values]));
}

/** The tensor of that name; a fixture without it is an error. */
export function valuesOf(tensors: ReadonlyMap<string, Values>, name: string): Values {
  const values = tensors.get(name);
  if (!values) throw new Error(`the fixture has no ${name}; it has ${[...tensors.keys()].join(", ")}`);
  return values;
}

/** The values on the chosen backend. */
export function toTensor({ data, shape }: Values): Tensor {
  return tensor(Float32Array.from(data), { shape });
}
