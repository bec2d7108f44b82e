import { tensor } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import type { GPTOptions } from "../src/config.ts";
import type { OutputFile } from "../src/files/output-file.ts";
import type { ReadableFolder } from "../src/files/random-access.ts";

/** A model that is small enough for exhaustive tests, with weights large enough that everything matters. */
export const tiny: GPTOptions = {
  vocabSize: 13, contextLength: 8, layers: 2, heads: 2, dim: 8, hiddenDim: 12, initialStd: 0.4,
};

/** Every architecture that a configuration can ask for. */
export const architectures: Readonly<Record<string, GPTOptions>> = {
  "GPT-2": tiny,
  "an untied head": { ...tiny, tiedHead: false },
  "post-norm, as in GPT-1": { ...tiny, normPlacement: "post" },
  "sinusoidal positions": { ...tiny, positions: "sinusoidal" },
  "a head width of its own": { ...tiny, heads: 3, headDim: 4 },
  "scores scaled by layer": { ...tiny, scaleAttentionByLayer: true, activation: "gelu" },
  "scores as they are": { ...tiny, scaleAttention: false, activation: "tanh", initialStd: 0.3 },
};

/** ids `[rows, tokens]`. */
export function idsOf(rows: readonly (readonly number[])[]): Tensor<"i32"> {
  return tensor(Int32Array.from(rows.flat()), { shape: [rows.length, rows[0].length] });
}

/** A folder in memory. Texts are encoded as UTF-8. */
export function memoryFolder(files: Readonly<Record<string, Uint8Array | string>>, name = "memory"): ReadableFolder {
  return {
    name,
    open(fileName) {
      if (!Object.hasOwn(files, fileName)) return Promise.resolve(undefined);
      const content = files[fileName];
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      return Promise.resolve({
        name: `${name}/${fileName}`,
        size: bytes.length,
        read: (offset, length) => Promise.resolve(bytes.slice(offset, offset + length)),
        close: () => Promise.resolve(),
      });
    },
  };
}

/** The contents of files that are to be written. */
export async function collect(files: Iterable<OutputFile>): Promise<Record<string, Uint8Array>> {
  const contents: Record<string, Uint8Array> = {};
  for (const { name, chunks } of files) {
    const parts: Uint8Array[] = [];
    for await (const chunk of chunks) parts.push(chunk);
    contents[name] = joined(parts);
  }
  return contents;
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}

/** The largest difference between values at the same place. */
export function largestDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} values`);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i])), 0);
}
