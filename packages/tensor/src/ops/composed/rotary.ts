import type { Tensor } from "../../core/tensor.ts";
import { add, mul, sub } from "../elementwise.ts";
import { concat, reshape, slice, split } from "../movement.ts";

/** `rotary` of `[tokens, columns]` by the angles of each token, `[tokens, headDim]`, off the tape; `inverse` turns back. */
export function composedRotary(x: Tensor, angles: Tensor, heads: number, inverse: boolean): Tensor {
  const [tokens, headDim] = angles.shape;
  const halves = [headDim / 2, headDim / 2];
  const [cos, sin] = split(reshape(angles, [tokens, 1, headDim]), halves, -1);
  const [a, b] = split(reshape(slice(x, 1, 0, heads * headDim), [tokens, heads, headDim]), halves, -1);
  const [first, second] = inverse
    ? [add(mul(a, cos), mul(b, sin)), sub(mul(b, cos), mul(a, sin))]
    : [sub(mul(a, cos), mul(b, sin)), add(mul(b, cos), mul(a, sin))];
  const turned = reshape(concat([first, second], -1), [tokens, heads * headDim]);
  return concat([turned, slice(x, 1, heads * headDim)], 1);
}
