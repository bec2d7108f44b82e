import {
  abs, add, erfc, exp, gelu as tanhGelu, less, log, maximum, minimum, mul, neg, relu, sigmoid, silu, sub, tanh, where,
} from "@gpt/tensor";
import type { Activation, Tensor } from "@gpt/tensor";

/**
 * The functions that a feed-forward layer may have, by the names of Hugging Face (transformers 5.18.0, activations.py,
 * ACT2CLS): those that a kernel applies along with the product, and those that are made of ops.
 */
const functions = {
  // The tanh form of GELU, written in five ways.
  gelu_new: "gelu",
  gelu_pytorch_tanh: "gelu",
  gelu_python_tanh: "gelu",
  gelu_fast: "gelu",
  gelu_accurate: "gelu",
  // In the exact form.
  gelu,
  gelu_python: gelu,
  gelu_10: (x) => maximum(minimum(gelu(x), 10), -10),
  quick_gelu: (x) => mul(silu(mul(x, 1.702)), 1 / 1.702),
  relu: "relu",
  relu2: (x) => square(relu(x)),
  relu6,
  leaky_relu: (x) => where(less(0, x), x, mul(x, 0.01)),
  silu: "silu",
  swish: "silu",
  hardswish: (x) => mul(mul(x, 1 / 6), relu6(add(x, 3))),
  mish: (x) => mul(x, tanh(softplus(x))),
  tanh,
  sigmoid,
  linear: (x) => x,
  laplace: (x) => mul(erfc(mul(sub(x, 0.707107), -1 / (0.282095 * Math.SQRT2))), 0.5),
} as const satisfies Record<string, Activation | ((x: Tensor) => Tensor)>;

/** The name of an activation of the feed-forward layers, as Hugging Face has it. */
export type ActivationName = keyof typeof functions;

export const activationNames = Object.keys(functions) as ActivationName[];

/** An activation as what a kernel applies along with the product before it, or as what is applied to its result. */
export function activationOf(name: ActivationName): Activation | ((x: Tensor) => Tensor) {
  return functions[name];
}

/** What an activation makes of `x`. */
export function activate(name: ActivationName, x: Tensor): Tensor {
  const activation = activationOf(name);
  return typeof activation === "string" ? { gelu: tanhGelu, relu, silu }[activation](x) : activation(x);
}

/** ½x(1 + erf(x/√2)) (Hendrycks & Gimpel 2016). */
function gelu(x: Tensor): Tensor {
  return mul(mul(x, 0.5), erfc(mul(x, -Math.SQRT1_2)));
}

function relu6(x: Tensor): Tensor {
  return minimum(relu(x), 6);
}

function square(x: Tensor): Tensor {
  return mul(x, x);
}

/** log(1 + eˣ), without overflow. */
function softplus(x: Tensor): Tensor {
  return add(relu(x), log(add(exp(neg(abs(x))), 1)));
}
