import type { GPT } from "@gpt/gpt";
import { copyInto, norm, reshape, scope, slice, zeros } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";

/** The norms of the gradients of a model's parts, before clipping: 0 for what does not learn. */
export interface GradientNorms {
  /** Of the embeddings of tokens and positions. A head that is tied to the tokens' is among them. */
  readonly embedding: number;
  readonly blocks: readonly number[];
  /** Of the final norm and the head. */
  readonly head: number;
}

/** Reads the norms of gradients that are multiplied by `scale`; those of all parameters at once. */
export async function gradientNormsOf(model: GPT, scale: number): Promise<GradientNorms> {
  const parameters = Array.from(model.namedParameters()).flatMap(([path, { grad }]) => (grad ? [{ path, grad }] : []));
  const [read] = scope(() => {
    const norms = zeros([parameters.length], { backend: model.backend });
    for (const [i, { grad }] of parameters.entries()) scope(() => copyInto(cellOf(norms, i), norm(grad)));
    return [norms.data()];
  });
  const squares = { embedding: 0, blocks: model.blocks.map(() => 0), head: 0 };
  for (const [i, value] of (await read).entries()) {
    const square = (scale * value) ** 2;
    const [, layer] = /^blocks\.(\d+)\./.exec(parameters[i].path) ?? [];
    if (layer !== undefined) squares.blocks[Number(layer)] += square;
    else squares[/^\w+Embedding\./.test(parameters[i].path) ? "embedding" : "head"] += square;
  }
  return { embedding: Math.sqrt(squares.embedding), blocks: squares.blocks.map(Math.sqrt), head: Math.sqrt(squares.head) };
}

function cellOf(column: Tensor, row: number): Tensor {
  return reshape(slice(column, 0, row, row + 1), []);
}
