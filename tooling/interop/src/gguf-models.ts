import { GPT, KeyValueCache } from "@gpt/gpt";
import type { BlockConfig, GPTConfig, GPTOptions, RotaryConfig } from "@gpt/gpt";
import { noGrad, scope, tensor } from "@gpt/tensor";

const norm = { type: "rms", epsilon: 1e-5 } as const;
const gated = { type: "gated", hiddenDim: 128, gate: "silu" } as const;
const attention = { heads: 4, kvHeads: 2, headDim: 16, rotary: { theta: 10_000 } } as const;

function decoder(block: (layer: number) => Partial<Omit<BlockConfig, "attention">> & { readonly attention?: Partial<BlockConfig["attention"]> }): GPTConfig {
  return {
    vocabSize: 320, contextLength: 128, dim: 64, positions: "none", finalNorm: norm, head: { type: "linear" }, initialStd: 0.3,
    blocks: [0, 1].map((layer) => {
      const own = block(layer);
      return { place: "pre", norm, mlp: gated, ...own, attention: { ...attention, ...own.attention } };
    }),
  };
}

const clamped = { type: "gated", hiddenDim: 128, gate: { alpha: 1.702, limit: 7 }, bias: true } as const;

/** Toys of each kind that GGUF files hold. */
export const toys: Readonly<Record<string, GPTOptions | GPTConfig>> = {
  gpt2: { vocabSize: 320, contextLength: 128, layers: 2, heads: 4, dim: 64, initialStd: 0.3 },
  llama: decoder(() => ({})),
  "llama 3": decoder(() => ({ attention: { rotary: {
    theta: 500_000, scaling: { type: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 64 },
  } } })),
  "llama, divided positions": decoder(() => ({ attention: { rotary: { theta: 10_000, scaling: { type: "linear", factor: 4 } } } })),
  mixtral: decoder(() => ({ mlp: { type: "experts", count: 4, active: 2, expert: gated } })),
  qwen2: decoder(() => ({ attention: { bias: true } })),
  "qwen2 with yarn": decoder(() => ({ attention: { bias: true, rotary: {
    theta: 10_000, scaling: { type: "yarn", factor: 4, originalContext: 32, betaFast: 32, betaSlow: 1, truncate: true },
  } } })),
  qwen3: decoder(() => ({ attention: { headNorm: norm } })),
  "gpt-oss": decoder((layer) => gptOss(layer, { theta: 10_000 })),
  // The last blended pair is number 1.99997: llama.cpp takes 2.
  "gpt-oss with yarn": decoder((layer) => gptOss(layer, {
    theta: 10_767, scaling: { type: "yarn", factor: 4, originalContext: 64, betaFast: 32, betaSlow: 1 },
  })),
};

function gptOss(layer: number, rotary: RotaryConfig): ReturnType<Parameters<typeof decoder>[0]> {
  return {
    attention: { rotary, bias: true, outputBias: true, sinks: true, window: layer % 2 === 0 ? 16 : undefined },
    mlp: { type: "experts", count: 4, active: 2, routerBias: true, expert: clamped },
  };
}

/**
 * Seeds of toys whose likeliest texts have at least 16 different ids, each by a margin: found by trying some. llama.cpp reads GELU from a
 * table in f16, and sums in another order.
 */
export const seeds: Readonly<Record<string, number>> = {
  gpt2: 28, llama: 24, "llama 3": 23, "llama, divided positions": 18, mixtral: 27, qwen2: 1, "qwen2 with yarn": 6, qwen3: 13, "gpt-oss": 21,
  "gpt-oss with yarn": 21,
};

/** A toy whose vectors are no ones and zeros. */
export function toy(options: GPTOptions | GPTConfig, seed: number): GPT {
  const model = new GPT(options, { seed });
  for (const [path, weight] of model.namedParameters()) {
    if (weight.shape.length > 1 && !path.endsWith("bias")) continue;
    const isScale = /orm\.weight$/i.test(path);
    weight.backend.write(weight, Float32Array.from({ length: weight.size }, (_, i) => (isScale ? 1 : 0) + Math.sin(i * 1.7 + seed + path.length) / 4));
  }
  return model.eval();
}

export interface Greedy {
  readonly ids: number[];
  /** By how much each id's score exceeds the next best. */
  readonly margins: number[];
}

/** The likeliest ids behind a prompt. */
export function greedy(model: GPT, prompt: readonly number[], count: number): Greedy {
  return scope(() => noGrad(() => {
    const cache = new KeyValueCache(model.config, { tokens: 192 });
    const id = cache.open();
    const [ids, margins]: [number[], number[]] = [[], []];
    for (let read = [...prompt]; ids.length < count; ) {
      const ends = scope(() => model.forward({ ids: tensor(Int32Array.from(read)), sequences: [{ id, count: read.length }], cache, outputs: "last" }).dataSync());
      const order = [...ends.keys()].sort((a, b) => ends[b] - ends[a]);
      ids.push(order[0]);
      margins.push(ends[order[0]] - ends[order[1]]);
      read = [order[0]];
    }
    cache.dispose();
    return { ids, margins };
  }));
}

/** Scores of the token behind a prompt. */
export function nextScores(model: GPT, prompt: readonly number[]): Float32Array {
  return scope(() => noGrad(() => {
    const ids = tensor(Int32Array.from(prompt));
    return model.eval().forward({ ids, sequences: [{ count: prompt.length }], outputs: "last" }).dataSync();
  }));
}
