import { argumentError, check } from "../arguments.ts";
import type { Gate } from "../contract/index.ts";
import { scope } from "../core/scope.ts";
import { record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { numberThat, object } from "../expectations.ts";
import { quote } from "@gpt/common";
import { formatShape } from "../shape.ts";
import { composed, fused } from "./fused.ts";
import { checkDType, dense, shapeError, viewAs } from "./operands.ts";

/**
 * A gated unit over the last axis (Shazeer 2020, "GLU Variants Improve Transformer"): `x` is `[…, 2 · width]`, gates and then
 * what they are multiplied with, the result `[…, width]`.
 *
 * `"silu"` gives `silu(gate) · up`. `{ alpha, limit }` is gpt-oss' form: the gate is at most `limit`, `up` is from `−limit` to
 * `limit`, and the result `gate · σ(alpha · gate) · (up + 1)`. What is beyond a bound has no gradient.
 */
export function gated(x: Tensor, gate: Gate = "silu"): Tensor {
  checkDType("gated", x, "f32");
  checkGate(gate);
  const columns = x.shape.at(-1);
  if (columns === undefined || columns % 2 !== 0) {
    throw shapeError("gated", `x is ${formatShape(x.shape)}, expected […, 2 · width]`);
  }
  const width = columns / 2;
  const rows = width === 0 ? 0 : x.size / columns;
  return scope(() => {
    const xs = dense(x);
    return record("gated", [x], gatedOf(xs, gate, rows), [xs], ({ grad, saved: [x] }) => {
      const kernels = fused(x.backend, "gatedGradient");
      if (!kernels) return [composed(x.backend, "gatedGradient", x, gate, grad)];
      const out = x.allocateLike();
      if (out.size > 0) {
        kernels.gatedGradient({
          x: viewAs(x, rows, columns),
          gate,
          grad: viewAs(dense(grad), rows, width),
          out: viewAs(out, rows, columns),
        });
      }
      return [out];
    });
  });
}

/** `gated` of what is dense, off the tape. */
function gatedOf(x: Tensor, gate: Gate, rows: number): Tensor {
  const kernels = fused(x.backend, "gated");
  if (!kernels) return composed(x.backend, "gated", x, gate);
  const width = x.shape[x.rank - 1] / 2;
  const out = Tensor.allocate(x.backend, "f32", x.shape.with(-1, width));
  if (out.size > 0) kernels.gated({ x: viewAs(x, rows, 2 * width), gate, out: viewAs(out, rows, width) });
  return out;
}

function checkGate(gate: Gate): void {
  if (gate === "silu") return;
  if (typeof gate === "string") throw argumentError("gated", `the gate ${quote(gate)} is not "silu" or { alpha, limit }`);
  check("gated", "the gate", gate, object);
  check("gated", "alpha", gate.alpha, positive);
  check("gated", "limit", gate.limit, positive);
}

const positive = numberThat("above 0, and finite", (value) => value > 0 && value < Infinity);
