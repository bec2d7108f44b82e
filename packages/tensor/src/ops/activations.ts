import type { Activation } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import type { Tensor } from "../core/tensor.ts";
import { unary } from "./elementwise.ts";
import { composed, fused } from "./fused.ts";
import { dense } from "./operands.ts";

/** max(x, 0); its gradient is 0 up to x = 0. */
export function relu(x: Tensor): Tensor {
  return unary("relu", x, "input", (g, x) => activationGradient("relu", x, g));
}

/** The Gaussian error linear unit in the tanh form of GPT-2 (Hendrycks & Gimpel 2016). */
export function gelu(x: Tensor): Tensor {
  return unary("gelu", x, "input", (g, x) => activationGradient("gelu", x, g));
}

/** The sigmoid linear unit x / (1 + e⁻ˣ), also called Swish (Elfwing et al. 2018). */
export function silu(x: Tensor): Tensor {
  return unary("silu", x, "input", (g, x) => activationGradient("silu", x, g));
}

/** `grad · activation′(x)`: the gradient of an activation whose input was saved. Not differentiable itself. */
export function activationGradient(activation: Activation, x: Tensor, grad: Tensor): Tensor {
  return scope(() => {
    const kernels = fused(x.backend, "activationGradient");
    if (!kernels) return composed(x.backend, "activationGradient", activation, x, grad);
    const out = x.allocateLike();
    if (out.size > 0) kernels.activationGradient({ activation, x: dense(x), grad: dense(grad), out });
    return out;
  });
}
