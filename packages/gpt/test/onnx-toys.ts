import { createHash } from "node:crypto";
import { join } from "node:path";
import type { BlockConfig, GPTConfig } from "../src/config.ts";
import { GPT } from "../src/model.ts";
import { onnxFiles } from "../src/onnx.ts";
import type { ONNXDType } from "../src/onnx.ts";
import type { GPTOptions } from "../src/short-form.ts";
import type { WeightDType } from "@gpt/tensor";

const sizes = { vocabSize: 97, contextLength: 96, dim: 64 } as const;
const rms = { type: "rms", epsilon: 1e-6 } as const;
const llama: BlockConfig = {
  place: "pre",
  norm: rms,
  attention: { heads: 4, kvHeads: 2, headDim: 16, rotary: { theta: 10_000 } },
  mlp: { type: "gated", hiddenDim: 96, gate: "silu" },
};

function decoder(blocks: readonly BlockConfig[]): GPTConfig {
  return { ...sizes, positions: "none", blocks, finalNorm: rms, head: { type: "linear" }, initialStd: 0.3 };
}

const scaling = { type: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 32 } as const;
const yarn = { type: "yarn", factor: 32, originalContext: 16, betaFast: 32, betaSlow: 1 } as const;

/** Small models of the kinds that folders have, whose weights are large enough that everything matters. */
export const toys = {
  gpt2: { ...sizes, layers: 3, heads: 4, initialStd: 0.3 },
  llama: decoder(Array<BlockConfig>(2).fill({ ...llama, attention: { ...llama.attention, rotary: { theta: 10_000, scaling } } })),
  qwen3: decoder(Array<BlockConfig>(2).fill({ ...llama, attention: { ...llama.attention, headNorm: rms, headDim: 24 } })),
  mixtral: decoder(Array<BlockConfig>(2).fill({ ...llama, mlp: { type: "experts", count: 6, active: 2, expert: { type: "gated", hiddenDim: 48, gate: "silu" } } })),
  "gpt-oss": decoder([8, undefined].map((window) => ({
    ...llama,
    attention: { ...llama.attention, bias: true, outputBias: true, sinks: true, window, rotary: { theta: 150_000, scaling: yarn } },
    mlp: {
      type: "experts", count: 5, active: 3, routerBias: true,
      expert: { type: "gated", hiddenDim: 48, gate: { alpha: 1.702, limit: 7 }, bias: true },
    },
  }))),
} as const satisfies Record<string, GPTOptions | GPTConfig>;

export type Toy = keyof typeof toys;

export const toyNames = Object.keys(toys) as Toy[];

/**
 * A model on whose greedy texts behind `prompt` two programs must agree: 64 of them have at least 16 ids, none of them by a
 * narrow margin.
 */
export function toy(name: Toy, dtype?: WeightDType): GPT {
  return new GPT(toys[name], { seed: 5, dtype }).eval();
}

export const prompt: readonly number[] = [1, 2, 3];

/**
 * The SHA-256 of a toy's graph with its weights. Those in `onnx-digests.json` are of the files that `npm run interop` has
 * compared in ONNX Runtime: what has the same bytes needs no runtime to be right.
 */
export async function digestOf(name: Toy, dtype: ONNXDType): Promise<string> {
  const hash = createHash("sha256");
  for (const file of onnxFiles(toy(name), { dtype })) for await (const chunk of file.chunks) hash.update(chunk);
  return hash.digest("hex");
}

export const digestsPath: string = join(import.meta.dirname, "onnx-digests.json");
