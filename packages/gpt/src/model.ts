import {
  add, AttentionBatch, callback, checkpoint, crossEntropy, currentBackend, embedding, linearCrossEntropy, object, oneOf, readOptions, reshape, scope,
  seed as seedExpected, tensor, useBackend,
} from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import type { AnyTensor, Backend, Expectations, Tensor, Weight, WeightDType } from "@gpt/tensor";
import { construct, Dropout, Embedding, Linear, Module, RandomKeys } from "@gpt/nn";
import { Block } from "./block.ts";
import type { BlockContext } from "./block-context.ts";
import { defaultInitialStd } from "./config.ts";
import type { BlockConfig, GPTConfig } from "./config.ts";
import { invalidInput, isFlatInput, readForwardOptions, readPass } from "./forward-input.ts";
import type { FlatInput, ForwardInput, ForwardOptions } from "./forward-input.ts";
import type { GenerationDefaults } from "./generation.ts";
import { applyHook } from "./hooks.ts";
import { dtypeOfEach, matrixDTypesExpected } from "./matrix-dtypes.ts";
import type { MatrixDTypes } from "./matrix-dtypes.ts";
import type { Initialization } from "./initialization.ts";
import { normOf } from "./normalization.ts";
import type { Norm } from "./normalization.ts";
import { sinusoidalPositions } from "./positions.ts";
import { resolveConfig } from "./resolve-config.ts";
import { checkRoom } from "./room.ts";
import { rotationsOf } from "./rotary.ts";
import type { GPTOptions } from "./short-form.ts";

/** How the weights of a new model begin, and as what they are stored. */
export interface GPTInitialization {
  /** What the random weights and dropout derive from. Default 0. */
  readonly seed?: number;
  /** `zeros` spares the time of drawing weights that are loaded right after. Default `random`. */
  readonly weights?: "random" | "zeros";
  /**
   * How the matrices are stored: the token embedding, those of the blocks, and the head, all alike or by what they are for.
   * In fewer bits than f32 they are not trained. Positions, biases, norms and routers are always f32. Default f32.
   */
  readonly dtype?: WeightDType | MatrixDTypes;
  /** Defaults for generating text, which are saved with the model. */
  readonly generation?: GenerationDefaults;
  /** @internal Makes the blocks, in place of those that hold their weights: see `StreamedBlock`. */
  readonly makeBlock?: MakeBlock;
}

/** Makes a block of a layer. */
export type MakeBlock = (config: BlockConfig, dim: number, initial: Initialization, layer: number) => Block;

const initializationExpected: Expectations<GPTInitialization> = {
  seed: seedExpected,
  weights: oneOf(["random", "zeros"]),
  dtype: matrixDTypesExpected,
  generation: object,
  makeBlock: callback,
};

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
  /** Gives logits, of the vocabulary or of classes; where it is tied, its weight is the token embedding's. */
  readonly head: Linear<Weight>;
  readonly #backend: Backend;

  /** Throws `invalid-config`, `invalid-input` and `too-large`. */
  constructor(options: GPTOptions | GPTConfig, initialization?: GPTInitialization) {
    super();
    const { seed = 0, weights = "random", dtype, generation = {}, makeBlock } = readOptions<GPTInitialization>(
      initialization, initializationExpected, invalidInput,
    );
    const config = resolveConfig(options);
    const { vocabSize, contextLength, dim, positions, blocks, finalNorm, initialStd = defaultInitialStd } = config;
    this.config = config;
    this.generation = generation;
    const random = new RandomKeys(seed);
    this.random = random;
    this.#backend = currentBackend();
    if (!makeBlock) checkRoom("a model of this configuration", () => weightBytesOf(config, dtype), this.#backend, smaller);
    const std = weights === "zeros" ? 0 : initialStd;
    const dtypes = dtypeOfEach(dtype);
    const matrix = { random, std, dtype: dtypes.matrix };
    const residual = { ...matrix, std: std / Math.sqrt(2 * blocks.length) };
    const initial = { random, matrix, residual, experts: { dtype: dtypes.experts } };
    const parts = construct(() => {
      const tokenEmbedding = new Embedding<Weight>(vocabSize, dim, { ...matrix, dtype: dtypes.embedding });
      const shared = config.head.type === "tied" ? tokenEmbedding.weight : undefined;
      return {
        tokenEmbedding,
        // Half of the tokens' std, as in GPT-2's released code.
        positionEmbedding: positions === "learned" ? new Embedding(contextLength, dim, { random, std: std / 2 }) : undefined,
        blocks: blocks.map((block, layer) => (makeBlock ?? plainBlock)(block, dim, initial, layer)),
        finalNorm: finalNorm && normOf(dim, finalNorm),
        head: config.head.type === "classes"
          ? new Linear<Weight>(dim, config.head.labels.length, { random, std, bias: false })
          : new Linear<Weight>(dim, vocabSize, { ...matrix, dtype: dtypes.head, weight: shared, bias: false }),
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
   * The share that is dropped while the model is trained, of embeddings, attention patterns, and what attention and feed-forward
   * layers add (Radford et al. 2018: 0.1); without a number what the configuration says, which stays as it is. Throws `invalid-argument`.
   */
  setDropout(probability?: number): void {
    const { embeddingDropout, blocks } = this.config;
    this.embeddingDropout.probability = probability ?? embeddingDropout ?? 0;
    this.blocks.forEach((block, layer) => {
      const { dropout, attention } = blocks[layer];
      block.dropout.probability = probability ?? dropout ?? 0;
      block.attention.dropout.probability = probability ?? attention.dropout ?? 0;
    });
  }

  /**
   * Scores of the token that follows each: ids `[B, T]` → logits `[B, T, vocabSize]`, or sequences of any lengths,
   * `{ ids, sequences }` → `[tokens, vocabSize]`. Throws `invalid-input`, `unknown-hook`, and `context-overflow` for more tokens
   * than the context or the cache holds.
   */
  forward(ids: Tensor<"i32">, options?: ForwardOptions): Tensor;
  forward(input: FlatInput): Tensor;
  forward(input: ForwardInput, options?: ForwardOptions): Tensor;
  forward(input: ForwardInput, options?: ForwardOptions): Tensor {
    return scope(() => this.logits(this.hidden(input, options), isFlatInput(input) ? input : options));
  }

  /**
   * The mean cross-entropy of `targets`, the tokens that follow `ids`, in nats; −100 is ignored. Both are `[B, T]`, or
   * `[tokens]` of sequences of any lengths. The logits of all tokens are not in memory at once, unless a hook asks for them, or
   * another module has taken the head's place.
   */
  loss(input: ForwardInput, targets: Tensor<"i32">, options?: ForwardOptions): Tensor {
    return scope(() => {
      const { hooks } = readForwardOptions(isFlatInput(input) ? input : options);
      const weight = hooks?.logits ? undefined : this.headWeight();
      if (!weight) return crossEntropy(this.forward(input, options), targets);
      return linearCrossEntropy(this.hidden(input, options), weight, targets);
    });
  }

  /** What the head reads: ids `[B, T]` → `[B, T, dim]`, or `{ ids, sequences }` → `[tokens, dim]`. */
  hidden(input: ForwardInput, options?: ForwardOptions): Tensor {
    return scope(() => {
      const { ids, batch, rows, shape, cache, hooks, checkpointBlocks, start } = readPass(input, options, this.config);
      const positions = positionsOf(batch);
      const rotations = rotationsOf(this.config.blocks, positions, ids.backend);
      const first = start?.block ?? 0;
      let x = start ? reshape(start.residual, start.residual.shape) : this.embed(ids, positions); // (tokens, C)
      x = applyHook(hooks, first === 0 ? "embed" : `blocks.${first - 1}.residual`, x);
      this.blocks.forEach((block, layer) => {
        if (layer < first) return;
        const path = `blocks.${layer}` as const;
        const context = { batch, cache: cache?.blocks[layer], rotation: rotations[layer], hooks, path };
        const next = checkpointBlocks ? this.checkpointed(block, x, context) : block.forward(x, context);
        if (!hooks) x.dispose(); // The tape has its own hold on it; hooks may keep it.
        x = applyHook(hooks, `${path}.residual`, next);
      });
      if (this.finalNorm) x = this.finalNorm.forward(x);
      x = applyHook(hooks, "residual", x);
      const wanted = rows ? embedding(x, tensor(rows, { backend: ids.backend })) : x;
      cache?.commit(batch);
      return reshape(wanted, [...shape, this.config.dim]);
    });
  }

  /** The head: hidden states `[…, dim]` → logits `[…, vocabSize]`. */
  logits(hidden: Tensor, options?: ForwardOptions): Tensor {
    const { hooks } = readForwardOptions(options);
    return applyHook(hooks, "logits", this.head.forward(hidden));
  }

  /** What a block gives; it is computed again in the backward pass. */
  private checkpointed(block: Block, x: Tensor, { batch: { sequences, table }, rotation, path }: BlockContext): Tensor {
    const replay = this.random.replay();
    const forward = (x: Tensor, cosines?: Tensor, rows?: Tensor<"i32">): Tensor => replay(() => {
      // What belongs to the running scope of the forward pass is gone by then.
      const batch = new AttentionBatch(sequences.map(({ queryCount }) => ({ queryCount })), { backend: table.backend });
      return block.forward(x, { batch, rotation: cosines && rows && { table: cosines, rows }, path });
    });
    const inputs = rotation ? [x, rotation.table, rotation.rows] as const : [x] as const;
    return checkpoint(forward as (...inputs: readonly AnyTensor[]) => Tensor, inputs, block.parameters());
  }

  /** What hidden states are multiplied by to give logits, where that is all that is done to them. */
  private headWeight(): Weight | undefined {
    return this.head.constructor === Linear && !this.head.bias ? this.head.weight : undefined;
  }

  /** Token plus position vectors: ids `[tokens]` → `[tokens, dim]`. */
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
}

const plainBlock: MakeBlock = (config, dim, initial) => new Block(config, dim, initial);

/** Bytes of a model's weights in memory, with the matrices stored as `dtype`, f32 by default. Nothing is allocated. */
export function weightBytesOf(config: GPTConfig, dtype?: GPTInitialization["dtype"]): number {
  const plan = meta();
  useBackend(plan, () => new GPT(config, { dtype }));
  return plan.memory.liveBytes;
}

/** Of each token, how many of its sequence come before it. */
function positionsOf({ sequences }: AttentionBatch): number[] {
  return sequences.flatMap(({ queryCount, keyCount }) =>
    Array.from({ length: queryCount }, (_, i) => keyCount - queryCount + i),
  );
}
