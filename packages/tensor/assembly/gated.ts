import { silu4, siluGradient4 } from "./math";
import { storeUpTo4 } from "./simd";

/**
 * Gated units of rows `[gates, others]` of `width` elements each: `silu(gate) · other` where it is plain, else of both within
 * `limit`, `silu(alpha · gate) / alpha · (other + 1)`.
 */
export function gated(x: usize, rows: i32, width: i32, plain: bool, alpha: f32, limit: f32, out: usize): void {
  const step = <usize>width * 4;
  const inverse = f32x4.splat(1 / alpha);
  const alphas = f32x4.splat(alpha);
  for (; rows > 0; rows--) {
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i * 4;
      const gate = boundedGate(v128.load(x + at), plain, limit);
      const weight = plain ? silu4(gate) : f32x4.mul(silu4(f32x4.mul(gate, alphas)), inverse);
      storeUpTo4(out + at, f32x4.mul(weight, factorOf(v128.load(x + step + at), plain, limit)), width - i);
    }
    x += 2 * step;
    out += step;
  }
}

/** Their gradient. Nothing passes a bound. */
export function gatedGradient(
  x: usize, rows: i32, width: i32, plain: bool, alpha: f32, limit: f32, grad: usize, out: usize,
): void {
  const step = <usize>width * 4;
  const inverse = f32x4.splat(1 / alpha);
  const alphas = f32x4.splat(alpha);
  const limits = f32x4.splat(limit);
  for (; rows > 0; rows--) {
    for (let i = 0; i < width; i += 4) {
      const at = <usize>i * 4;
      const first = v128.load(x + at);
      const second = v128.load(x + step + at);
      const g = v128.load(grad + at);
      const argument = f32x4.mul(boundedGate(first, plain, limit), alphas);
      let ofGate = f32x4.mul(g, siluGradient4(argument, factorOf(second, plain, limit)));
      let ofOther = f32x4.mul(g, f32x4.mul(silu4(argument), inverse));
      if (!plain) {
        ofGate = v128.and(ofGate, f32x4.le(first, limits));
        ofOther = v128.and(ofOther, f32x4.le(f32x4.abs(second), limits));
      }
      storeUpTo4(out + at, ofGate, width - i);
      storeUpTo4(out + step + at, ofOther, width - i);
    }
    x += 2 * step;
    grad += step;
    out += 2 * step;
  }
}

@inline
function boundedGate(gate: v128, plain: bool, limit: f32): v128 {
  return plain ? gate : f32x4.min(gate, f32x4.splat(limit));
}

@inline
function factorOf(other: v128, plain: bool, limit: f32): v128 {
  if (plain) return other;
  return f32x4.add(f32x4.max(f32x4.min(other, f32x4.splat(limit)), f32x4.splat(-limit)), f32x4.splat(1));
}
