import {
  add, crossEntropy, currentBackend, linearCrossEntropy, object, objectWith, oneOf, quote, readOptions, reshape, scope,
  seed as seedExpected, Tensor, tensor, useBackend,
} from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import type { AttentionSequence, Backend, Expectations, Weight } from "@gpt/tensor";
import { construct, Dropout, Embedding, Linear, Module, RandomKeys } from "@gpt/nn";
import type { WeightOptions } from "@gpt/nn";
import { Block } from "./block.ts";
import type { KeyValueCache } from "./cache.ts";
import { defaultInitialStd } from "./config.ts";
import type { GPTConfig } from "./config.ts";
import { GPTError } from "./errors.ts";
import type { GenerationDefaults } from "./generation.ts";
import { applyHook, checkHooks } from "./hooks.ts";
import type { Hooks } from "./hooks.ts";
import { normOf } from "./normalization.ts";
import type { Norm } from "./normalization.ts";
import { dtypeExpected } from "./place.ts";
import { sinusoidalPositions } from "./positions.ts";
import { resolveConfig } from "./resolve-config.ts";
import { checkRoom } from "./room.ts";
import { rotationsOf } from "./rotary.ts";
import type { GPTOptions } from "./short-form.ts";

/** What a forward pass continues, and what looks at it. */
export interface ForwardOptions {
  /** Continues the sequences that the cache holds, and adds the new tokens to it. Under `noGrad`. */
  readonly cache?: KeyValueCache;
  /** Looks at or replaces activations on the way. */
  readonly hooks?: Hooks;
}

/** How the weights of a new model begin, and as what they are stored. */
export interface GPTInitialization {
  /** What the random weights and dropout derive from. Default 0. */
  readonly seed?: number;
  /** `zeros` spares the time of drawing weights that are loaded right after. Default `random`. */
  readonly weights?: "random" | "zeros";
  /**
   * How the matrices are stored: the token embedding, those of the blocks, and the head. In fewer bits than f32 they are
   * not trained. Positions, biases, norms and routers are always f32. Default f32.
   */
  readonly dtype?: WeightOptions["dtype"];
  /** Defaults for generating text, which are saved with the model. */
  readonly generation?: GenerationDefaults;
}

const initializationExpected: Expectations<GPTInitialization> = {
  seed: seedExpected,
  weights: oneOf(["random", "zeros"]),
  dtype: dtypeExpected,
  generation: object,
};

const forwardExpected: Expectations<ForwardOptions> = {
  cache: objectWith("a KeyValueCache", "reserve", "advance", "blocks"),
  hooks: objectWith("an object of functions"),
};

function readForwardOptions(options: ForwardOptions | undefined): ForwardOptions {
  return readOptions<ForwardOptions>(options, forwardExpected, invalidInput);
}

function invalidInput(problem: string): GPTError {
  return new GPTError("invalid-input", `GPT: ${problem}`);
}

const smaller = "choose a smaller one, or a dtype of fewer bits, or another backend";

/**
 * A generative pre-trained transformer (Radford et al. 2018, 2019): token and position embeddings, a stack of decoder
 * blocks, a linear head over the vocabulary. Create it after choosing a backend; weights are drawn from `seed`.
 *
 * `eval()` turns dropout off and, as in PyTorch, does not stop the recording of gradients: `noGrad` does.
 *
 * @example
 * const model = new GPT({ vocabSize: 100, contextLength: 32, layers: 2, heads: 4, dim: 64 }, { seed: 1 });
 * const logits = model.forward(tensor([[5, 17, 42]], { dtype: "i32" })); // [1, 3, 100]
 */
export class GPT extends Module {
  readonly config: GPTConfig;
  /** How its makers mean text to be generated. */
  readonly generation: GenerationDefaults;
  /** Where dropout takes its random numbers. */
  readonly random: RandomKeys;
  readonly tokenEmbedding: Embedding<Weight>;
  readonly positionEmbedding: Embedding | undefined;
  readonly embeddingDropout: Dropout;
  readonly blocks: readonly Block[];
  readonly finalNorm: Norm | undefined;
  /** Gives logits; where it is tied, its weight is the token embedding's. */
  readonly head: Linear<Weight>;
  readonly #backend: Backend;

  /** Throws `invalid-config`, `invalid-input` and `too-large`. */
  constructor(options: GPTOptions | GPTConfig, initialization?: GPTInitialization) {
    super();
    const { seed = 0, weights = "random", dtype = "f32", generation = {} } = readOptions<GPTInitialization>(
      initialization, initializationExpected, invalidInput,
    );
    const config = resolveConfig(options);
    const { vocabSize, contextLength, dim, positions, blocks, finalNorm, initialStd = defaultInitialStd } = config;
    this.config = config;
    this.generation = generation;
    const random = new RandomKeys(seed);
    this.random = random;
    this.#backend = currentBackend();
    checkRoom("a model of this configuration", () => weightBytesOf(config, dtype), this.#backend, smaller);
    const std = weights === "zeros" ? 0 : initialStd;
    const matrix = { random, std, dtype };
    const initial = { random, matrix, residual: { ...matrix, std: std / Math.sqrt(2 * blocks.length) } };
    const parts = construct(() => {
      const tokenEmbedding = new Embedding<Weight>(vocabSize, dim, matrix);
      const shared = config.head.type === "tied" ? tokenEmbedding.weight : undefined;
      return {
        tokenEmbedding,
        // Half of the tokens' std, as in GPT-2's released code.
        positionEmbedding: positions === "learned" ? new Embedding(contextLength, dim, { random, std: std / 2 }) : undefined,
        blocks: blocks.map((block) => new Block(block, dim, initial)),
        finalNorm: finalNorm && normOf(dim, finalNorm),
        head: new Linear<Weight>(dim, vocabSize, { ...matrix, weight: shared, bias: false }),
      };
    });
    this.tokenEmbedding = parts.tokenEmbedding;
    this.positionEmbedding = parts.positionEmbedding;
    this.embeddingDropout = new Dropout(config.embeddingDropout ?? 0, random);
    this.blocks = parts.blocks;
    this.finalNorm = parts.finalNorm;
    this.head = parts.head;
  }

  /** Where its weights live. */
  get backend(): Backend {
    return this.#backend;
  }

  /**
   * ids `[B, T]` → logits `[B, T, vocabSize]`: for each token, scores of the one that follows it. Throws `invalid-input`,
   * `unknown-hook`, and `context-overflow` for more tokens than the context or the cache holds.
   */
  forward(ids: Tensor<"i32">, options?: ForwardOptions): Tensor {
    return scope(() => this.logits(this.hidden(ids, options), options));
  }

  /**
   * The mean cross-entropy of `targets` `[B, T]`, the tokens that follow `ids` `[B, T]`, in nats; −100 is ignored. The
   * logits of all tokens are not in memory at once, unless a hook asks for them, or another module has taken the head's
   * place.
   */
  loss(ids: Tensor<"i32">, targets: Tensor<"i32">, options?: ForwardOptions): Tensor {
    return scope(() => {
      const weight = readForwardOptions(options).hooks?.logits ? undefined : this.headWeight();
      if (!weight) return crossEntropy(this.forward(ids, options), targets);
      return linearCrossEntropy(this.hidden(ids, options), weight, targets);
    });
  }

  /** What the head reads: ids `[B, T]` → `[B, T, dim]`. */
  hidden(ids: Tensor<"i32">, options?: ForwardOptions): Tensor {
    const [B, T] = this.checkIds(ids);
    const { cache, hooks } = readForwardOptions(options);
    if (hooks) checkHooks(hooks, this.config.blocks);
    return scope(() => {
      const sequences = cache ? cache.reserve(B, T) : uniformSequences(B, T);
      const positions = positionsOf(sequences);
      const rotations = rotationsOf(this.config.blocks, positions, ids.backend);
      let x = this.embed(reshape(ids, [B * T]), positions); // (B·T, C)
      x = applyHook(hooks, "embed", x);
      this.blocks.forEach((block, layer) => {
        const path = `blocks.${layer}` as const;
        const context = { sequences, cache: cache?.blocks[layer], rotation: rotations[layer], hooks, path };
        const next = block.forward(x, context);
        if (!hooks) x.dispose(); // The tape has its own hold on it; hooks may keep it.
        x = applyHook(hooks, `${path}.residual`, next);
      });
      if (this.finalNorm) x = this.finalNorm.forward(x);
      const hidden = reshape(applyHook(hooks, "residual", x), [B, T, this.config.dim]);
      cache?.advance(B, T);
      return hidden;
    });
  }

  /** The head: hidden states `[…, dim]` → logits `[…, vocabSize]`. */
  logits(hidden: Tensor, options?: ForwardOptions): Tensor {
    const { hooks } = readForwardOptions(options);
    return applyHook(hooks, "logits", this.head.forward(hidden));
  }

  /** What hidden states are multiplied by to give logits, where that is all that is done to them. */
  private headWeight(): Weight | undefined {
    return this.head.constructor === Linear && !this.head.bias ? this.head.weight : undefined;
  }

  /** Token plus position vectors: ids `[B·T]` → `[B·T, dim]`. */
  private embed(ids: Tensor<"i32">, numbers: readonly number[]): Tensor {
    return scope(() => {
      const tokens = this.tokenEmbedding.forward(ids);
      const positions = this.positionsOf(numbers, ids.backend);
      return this.embeddingDropout.forward(positions ? add(tokens, positions) : tokens);
    });
  }

  /** The vectors of some positions, `[positions, dim]`, where embeddings have any. */
  private positionsOf(positions: readonly number[], backend: Backend): Tensor | undefined {
    const { dim } = this.config;
    if (this.positionEmbedding) return this.positionEmbedding.forward(tensor(Int32Array.from(positions), { backend }));
    if (this.config.positions === "none") return undefined;
    return tensor(sinusoidalPositions(positions, dim), { shape: [positions.length, dim], backend });
  }

  private checkIds(ids: Tensor<"i32">): [B: number, T: number] {
    const { contextLength } = this.config;
    if (!(ids instanceof Tensor)) {
      throw invalidInput(`ids must be a tensor [sequences, tokens] of i32, not ${quote(ids)}; make one with tensor(…)`);
    }
    const [B, T] = ids.shape;
    if (ids.rank !== 2 || B < 1 || T < 1) {
      throw new GPTError(
        "invalid-input",
        `ids are [${ids.shape.join(", ")}], expected [sequences, tokens], both from 1`,
      );
    }
    if (T > contextLength) {
      throw new GPTError("context-overflow", `${T} tokens exceed the model's context of ${contextLength}; pass fewer`);
    }
    return [B, T];
  }
}

/** Bytes of a model's weights in memory, with the matrices stored as `dtype`. Nothing is allocated. */
export function weightBytesOf(config: GPTConfig, dtype?: GPTInitialization["dtype"]): number {
  const plan = meta();
  useBackend(plan, () => new GPT(config, { dtype }));
  return plan.memory.liveBytes;
}

/** Of each token, how many of its sequence come before it. */
function positionsOf(sequences: readonly AttentionSequence[]): number[] {
  return sequences.flatMap(({ queryCount, keyCount }) =>
    Array.from({ length: queryCount }, (_, i) => keyCount - queryCount + i),
  );
}

/** `B` sequences of `T` tokens, one behind the other. */
function uniformSequences(B: number, T: number): AttentionSequence[] {
  return Array.from({ length: B }, (_, b) => ({ queryStart: b * T, queryCount: T, keyStart: b * T, keyCount: T }));
}
