import { gelu, relu, sigmoid, silu, tanh } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { Module } from "./module.ts";

/** `gelu` as a layer, `[…]` → the same shape: the tanh form, PyTorch's `GELU(approximate="tanh")`. */
export class GELU extends Module {
  forward(x: Tensor): Tensor {
    return gelu(x);
  }
}

/** `relu` as a layer, `[…]` → the same shape. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** `sigmoid` as a layer, `[…]` → the same shape. */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x);
  }
}

/** `silu` as a layer, `[…]` → the same shape. */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return silu(x);
  }
}

/** `tanh` as a layer, `[…]` → the same shape. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x);
  }
}
