import type { GPTConfig } from "../config.ts";

/** Where a parameter is found in the model and in a file. */
export interface WeightPlace {
  /** Its path in the model, as `stateDict` has it. */
  readonly path: string;
  /** Its name in Hugging Face's `gpt2`. */
  readonly name: string;
  /** Its shape in the model. */
  readonly shape: readonly number[];
  /** Whether the file has the matrix `[inputs, outputs]`, as GPT-2's Conv1D does, where the model has the reverse. */
  readonly transposed: boolean;
}

/** Weights of one block. */
const weightsInBlock = 12;

/** How many tensors `weightPlaces` gives, without making them. */
export function weightCount({ blocks, positions, finalNorm, head }: GPTConfig): number {
  const outside = 1 + (positions === "learned" ? 1 : 0) + (finalNorm ? 2 : 0) + (head.type === "tied" ? 0 : 1);
  return outside + weightsInBlock * blocks.length;
}

/** All parameters of a model with this configuration, without building it. */
export function* weightPlaces(config: GPTConfig): Generator<WeightPlace, void, undefined> {
  const { vocabSize, contextLength, dim } = config;
  yield table("tokenEmbedding", "wte", [vocabSize, dim]);
  if (config.positions === "learned") yield table("positionEmbedding", "wpe", [contextLength, dim]);
  for (const [layer, { attention: { heads, headDim }, mlp: { hiddenDim } }] of config.blocks.entries()) {
    const [ours, theirs] = [`blocks.${layer}`, `h.${layer}`];
    yield* norm(`${ours}.attentionNorm`, `${theirs}.ln_1`, dim);
    yield* linear(`${ours}.attention.qkv`, `${theirs}.attn.c_attn`, dim, 3 * heads * headDim);
    yield* linear(`${ours}.attention.projection`, `${theirs}.attn.c_proj`, heads * headDim, dim);
    yield* norm(`${ours}.mlpNorm`, `${theirs}.ln_2`, dim);
    yield* linear(`${ours}.mlp.up`, `${theirs}.mlp.c_fc`, dim, hiddenDim);
    yield* linear(`${ours}.mlp.down`, `${theirs}.mlp.c_proj`, hiddenDim, dim);
  }
  if (config.finalNorm) yield* norm("finalNorm", "ln_f", dim);
  if (config.head.type !== "tied") yield table("head", "lm_head", [vocabSize, dim]);
}

function table(path: string, name: string, shape: readonly number[]): WeightPlace {
  return { path: `${path}.weight`, name: `${name}.weight`, shape, transposed: false };
}

function* norm(path: string, name: string, dim: number): Generator<WeightPlace> {
  yield { path: `${path}.weight`, name: `${name}.weight`, shape: [dim], transposed: false };
  yield { path: `${path}.bias`, name: `${name}.bias`, shape: [dim], transposed: false };
}

function* linear(path: string, name: string, inputs: number, outputs: number): Generator<WeightPlace> {
  yield { path: `${path}.weight`, name: `${name}.weight`, shape: [outputs, inputs], transposed: true };
  yield { path: `${path}.bias`, name: `${name}.bias`, shape: [outputs], transposed: false };
}

/** The shape that a parameter has in a file. */
export function fileShape({ shape, transposed }: WeightPlace): readonly number[] {
  return transposed ? [shape[1], shape[0]] : shape;
}

/** The transpose of a row-major matrix `[rows, columns]`. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  // In squares, so that what is read and what is written stay in the processor's cache.
  const side = 64;
  for (let left = 0; left < columns; left += side) {
    const right = Math.min(left + side, columns);
    for (let top = 0; top < rows; top += side) {
      const bottom = Math.min(top + side, rows);
      for (let column = left; column < right; column++) {
        let from = top * columns + column;
        for (let to = column * rows + top; to < column * rows + bottom; to++) {
          result[to] = values[from];
          from += columns;
        }
      }
    }
  }
  return result;
}
