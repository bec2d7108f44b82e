import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import type { ElementDType } from "@gpt/gpt";
import type { ONNXDType } from "@gpt/gpt/onnx";
import { saveModel, writeGGUF } from "@gpt/gpt/node";
import type { WeightDType } from "@gpt/tensor";
import { tokenizerFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { ggufSuffix } from "../dtypes.ts";
import type { ModelSource } from "./source.ts";

export interface WriteOptions {
  readonly dtype: WeightDType;
  /** The bytes of a GGUF file, of which there are several then. */
  readonly splitMaxSize?: number;
}

/** What a model can be converted to. */
interface Target {
  /** As what it stores matrices: the first one is the default. */
  readonly dtypes: readonly [WeightDType, ...WeightDType[]];
  /** Writes a model, and says where it is: its path, and those of other files where it is split. */
  write(source: ModelSource, out: string, options: WriteOptions): Promise<string[]>;
}

export const targets = {
  hf: {
    dtypes: ["f32", "f16", "bf16"],
    async write({ model, weights, tokenizer }, out, { dtype }) {
      await saveModel(model, out, { weights, dtype: dtype as ElementDType, extraFiles: filesOf(tokenizer) });
      return [out];
    },
  },
  onnx: {
    dtypes: ["f32", "int8"],
    async write({ model, weights, tokenizer }, out, { dtype }) {
      const { saveONNX } = await import("@gpt/gpt/onnx/node");
      await saveONNX(model, out, { weights, dtype: dtype as ONNXDType, extraFiles: filesOf(tokenizer) });
      return [out];
    },
  },
  gguf: {
    dtypes: ["f32", "f16", "bf16", "int8", "int4", "mxfp4"],
    async write({ name, title, model, weights, tokenizer }, out, { dtype, splitMaxSize }) {
      const path = await ggufPath(out, name, dtype);
      const { tokenizerToGGUF } = await import("@gpt/tokenizer/gguf");
      const metadata = tokenizer && tokenizerToGGUF(tokenizer, { vocabSize: model.config.vocabSize });
      return writeGGUF(model, path, { weights, dtype, name: title, tokenizer: metadata, maxFileBytes: splitMaxSize });
    },
  },
} as const satisfies Record<string, Target>;

export type TargetName = keyof typeof targets;

/** The file that is written: `out` itself where it is one or ends as one, else one in that folder, `NAME-Q8_0.gguf`. */
async function ggufPath(out: string, name: string, dtype: WeightDType): Promise<string> {
  const status = await stat(out).catch(() => undefined);
  const isFile = status ? !status.isDirectory() : extname(out).toLowerCase() === ".gguf";
  return isFile ? out : join(out, `${name}-${ggufSuffix(dtype)}.gguf`);
}

function filesOf(tokenizer: Tokenizer | undefined): Readonly<Record<string, string>> {
  return tokenizer ? Object.fromEntries(tokenizerFiles(tokenizer)) : {};
}

/** The bytes of all files that are at some paths, or in folders there. */
export async function bytesIn(paths: readonly string[]): Promise<number> {
  let total = 0;
  for (const path of paths) total += await bytesAt(path);
  return total;
}

async function bytesAt(path: string): Promise<number> {
  const status = await stat(path);
  if (status.isFile()) return status.size;
  let total = 0;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) total += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return total;
}
