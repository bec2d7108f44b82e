import {
  add, crossEntropy, currentBackend, linear, linearCrossEntropy, object, objectWith, oneOf, quote, readOptions, reshape,
  scope, seed as seedExpected, Tensor, tensor, useBackend,
} from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import type { AttentionSequence, Expectations, Weight } from "@gpt/tensor";
import { construct, Dropout, Embedding, LayerNorm, Linear, Module, RandomKeys } from "@gpt/nn";
import type { WeightOptions } from "@gpt/nn";
import { activationOf } from "./activations.ts";
import { CausalSelfAttention } from "./attention.ts";
import type { BlockContext } from "./attention.ts";
import type { KeyValueCache } from "./cache.ts";
import { resolveConfig } from "./config.ts";
import type { GPTConfig, GPTOptions } from "./config.ts";
import { GPTError } from "./errors.ts";
import type { GenerationDefaults } from "./generation.ts";
import { applyHook, checkHooks } from "./hooks.ts";
import type { Hooks } from "./hooks.ts";
import { dtypeExpected } from "./place.ts";
import { sinusoidalPositions } from "./positions.ts";
import { checkRoom } from "./room.ts";

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
   * not trained. Positions, biases and norms are always f32. Default f32.
   */
  readonly dtype?: WeightOptions["dtype"];
  /** Defaults for generating text, which are saved with the model. */
  readonly generation?: GenerationDefaults;
}

/** Two linear layers with an activation between them, applied to each token alone. */
class FeedForward extends Module {
  readonly up: Linear<Weight>;
  readonly down: Linear<Weight>;
  readonly #activation: ReturnType<typeof activationOf>;

  constructor(config: GPTConfig, random: RandomKeys, place: WeightOptions) {
    super();
    const { dim, hiddenDim, initialStd, layers } = config;
    this.up = new Linear(dim, hiddenDim, { random, std: initialStd, ...place });
    this.down = new Linear(hiddenDim, dim, { random, std: initialStd / Math.sqrt(2 * layers), ...place });
    this.#activation = activationOf(config.activation);
  }

  forward(x: Tensor, { hooks, path }: BlockContext, residual?: Tensor): Tensor {
    const hidden = this.hidden(x); // (B·T, hiddenDim)
    return this.down.forward(applyHook(hooks, `${path}.mlp.hidden`, hidden), { residual });
  }

  private hidden(x: Tensor): Tensor {
    const activation = this.#activation;
    if (typeof activation === "string") return this.up.forward(x, { activation });
    return scope(() => activation(this.up.forward(x)));
  }
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

/** One decoder block: attention, then feed-forward, each on a residual branch. */
class Block extends Module {
  readonly attentionNorm: LayerNorm;
  readonly attention: CausalSelfAttention;
  readonly mlpNorm: LayerNorm;
  readonly mlp: FeedForward;
  readonly dropout: Dropout;
  readonly #normPlacement: GPTConfig["normPlacement"];

  constructor(config: GPTConfig, layer: number, random: RandomKeys, place: WeightOptions) {
    super();
    this.attentionNorm = new LayerNorm(config.dim, config);
    this.attention = new CausalSelfAttention(config, layer, random, place);
    this.mlpNorm = new LayerNorm(config.dim, config);
    this.mlp = new FeedForward(config, random, place);
    this.dropout = new Dropout(config.dropout, random);
    this.#normPlacement = config.normPlacement;
  }

  /** `x` `[B·T, dim]` → `[B·T, dim]`. What the ops in between made is freed, but for what the tape holds. */
  forward(x: Tensor, context: BlockContext): Tensor {
    return scope(() => {
      if (this.#normPlacement === "pre") {
        const attended = this.branch(x, (residual) =>
          this.attention.forward(this.attentionNorm.forward(x), context, residual),
        );
        return this.branch(attended, (residual) => this.mlp.forward(this.mlpNorm.forward(attended), context, residual));
      }
      const attended = this.attentionNorm.forward(
        this.branch(x, (residual) => this.attention.forward(x, context, residual)),
      );
      return this.mlpNorm.forward(this.branch(attended, (residual) => this.mlp.forward(attended, context, residual)));
    });
  }

  /** `x + dropout(layer)`; without dropout the layer's last kernel adds `x` itself. */
  private branch(x: Tensor, layer: (residual?: Tensor) => Tensor): Tensor {
    const drops = this.training && this.dropout.probability > 0;
    return drops ? add(x, this.dropout.forward(layer())) : layer(x);
  }
}

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
  readonly finalNorm: LayerNorm | undefined;
  /** Absent where the head shares the token embedding's weight. */
  readonly head: Linear<Weight> | undefined;

  /** Throws `invalid-config`, `invalid-input` and `too-large`. */
  constructor(options: GPTOptions, initialization?: GPTInitialization) {
    super();
    const { seed = 0, weights = "random", dtype = "f32", generation = {} } = readOptions<GPTInitialization>(
      initialization, initializationExpected, invalidInput,
    );
    this.config = resolveConfig(options);
    this.generation = generation;
    const config = { ...this.config, ...(weights === "zeros" ? { initialStd: 0 } : {}) };
    const { vocabSize, contextLength, dim, layers, initialStd: std } = config;
    const random = new RandomKeys(seed);
    this.random = random;
    checkRoom("a model of this configuration", () => weightBytesOf(this.config, dtype), currentBackend(), smaller);
    const parts = construct(() => ({
      tokenEmbedding: new Embedding<Weight>(vocabSize, dim, { random, std, dtype }),
      // Half of the tokens' std, as in GPT-2's released code.
      positionEmbedding:
        config.positions === "learned"
          ? new Embedding(contextLength, dim, { random, std: std / 2 })
          : undefined,
      blocks: Array.from({ length: layers }, (_, layer) => new Block(config, layer, random, { dtype })),
      finalNorm: config.normPlacement === "pre" ? new LayerNorm(dim, config) : undefined,
      head: config.tiedHead ? undefined : new Linear<Weight>(dim, vocabSize, { random, std, bias: false, dtype }),
    }));
    this.tokenEmbedding = parts.tokenEmbedding;
    this.positionEmbedding = parts.positionEmbedding;
    this.embeddingDropout = new Dropout(config.embeddingDropout, random);
    this.blocks = parts.blocks;
    this.finalNorm = parts.finalNorm;
    this.head = parts.head;
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
    if (hooks) checkHooks(hooks, this.config.layers);
    return scope(() => {
      const sequences = cache ? cache.reserve(B, T) : uniformSequences(B, T);
      let x = this.embed(reshape(ids, [B * T]), sequences); // (B·T, C)
      x = applyHook(hooks, "embed", x);
      this.blocks.forEach((block, layer) => {
        const path = `blocks.${layer}` as const;
        const next = block.forward(x, { sequences, cache: cache?.blocks[layer], hooks, path });
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
    const logits = this.head ? this.head.forward(hidden) : linear(hidden, this.tokenEmbedding.weight);
    return applyHook(hooks, "logits", logits);
  }

  /** What hidden states are multiplied by to give logits, where that is all that is done to them. */
  private headWeight(): Weight | undefined {
    if (!this.head) return this.tokenEmbedding.weight;
    return this.head.constructor === Linear && !this.head.bias ? this.head.weight : undefined;
  }

  /** Token plus position vectors: ids `[B·T]` → `[B·T, dim]`. */
  private embed(ids: Tensor<"i32">, sequences: readonly AttentionSequence[]): Tensor {
    return scope(() => {
      const tokens = this.tokenEmbedding.forward(ids);
      const numbers = sequences.flatMap(({ queryCount, keyCount }) =>
        Array.from({ length: queryCount }, (_, i) => keyCount - queryCount + i),
      );
      const { backend } = ids;
      const positions = this.positionEmbedding
        ? this.positionEmbedding.forward(tensor(Int32Array.from(numbers), { backend }))
        : tensor(sinusoidalPositions(numbers, this.config.dim), { shape: tokens.shape, backend });
      return this.embeddingDropout.forward(add(tokens, positions));
    });
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

/** `B` sequences of `T` tokens, one behind the other. */
function uniformSequences(B: number, T: number): AttentionSequence[] {
  return Array.from({ length: B }, (_, b) => ({ queryStart: b * T, queryCount: T, keyStart: b * T, keyCount: T }));
}
