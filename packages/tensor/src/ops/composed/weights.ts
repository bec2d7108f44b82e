import type { Activation } from "../../contract/index.ts";
import type { Tensor } from "../../core/tensor.ts";
import { gelu, relu, silu } from "../activations.ts";
import { add } from "../elementwise.ts";
import { matmul } from "../matmul.ts";
import { transpose } from "../movement.ts";

const activations = { gelu, relu, silu } as const satisfies Record<Activation, unknown>;

export interface ComposedLinear {
  readonly bias: Tensor | undefined;
  readonly activation: Activation | undefined;
  readonly residual: Tensor | undefined;
}

/** `linear` of `[rows, inputs]`, off the tape, and what the activation was applied to. */
export function composedLinear(
  x: Tensor, weight: Tensor, { bias, activation, residual }: ComposedLinear,
): { out: Tensor; preactivation: Tensor } {
  const product = matmul(x, transpose(weight));
  const preactivation = bias ? add(product, bias) : product;
  const activated = activation ? activations[activation](preactivation) : preactivation;
  return { out: residual ? add(activated, residual) : activated, preactivation };
}
