import type { Definitions } from "./definition.ts";

/** Activations, and what they are made of. */
export const activations = {
  relu: { uses: ["isNaN"], code: "fn relu(x: f32) -> f32 { return select(max(x, 0.0), x, isNaN(x)); }" },
  /** An odd minimax polynomial below 0.625, 1 − 2 / (e²ˣ + 1) above. */
  hyperbolicTangent: {
    uses: ["exponential"],
    code: `fn hyperbolicTangent(x: f32) -> f32 {
  let size = abs(x);
  let z = x * x;
  let p = fma(fma(fma(fma(-0.0057049855, z, 0.020639086), z, -0.053739716), z, 0.13331442), z, -0.3333328);
  let large = 1.0 - 2.0 / (exponential(size + size) + 1.0);
  return select(select(large, -large, x < 0.0), fma(p * z, x, x), size < 0.625);
}`,
  },
  /**
   * 1 − erf x: t · e^(q(t) − z²) with z = |x| and t = 1 / (1 + ½z), q being a minimax polynomial (Press et al. 1992, section
   * 6.2, erfcc). z² is that of the upper 12 digits of z, which is exact, and the rest.
   */
  complementaryError: {
    uses: ["exponential", "isNaN"],
    code: `fn complementaryError(x: f32) -> f32 {
  let z = min(abs(x), 12.0);
  let t = 1.0 / fma(0.5, z, 1.0);
  var q = fma(fma(fma(0.17087277, t, -0.82215223), t, 1.48851587), t, -1.13520398);
  q = fma(fma(fma(q, t, 0.27886807), t, -0.18628806), t, 0.09678418);
  q = fma(fma(fma(q, t, 0.37409196), t, 1.00002368), t, -1.26551223);
  let high = bitcast<f32>(bitcast<u32>(z) & 0xfffff000u);
  let y = t * exponential(fma(high - z, high + z, q)) * exponential(-high * high);
  return select(select(y, 2.0 - y, x < 0.0), x, isNaN(x));
}`,
  },
  /** With e = e^−|x| it is 1 / (1 + e), or e / (1 + e) where x < 0: nothing overflows. */
  sigmoid: {
    uses: ["exponential"],
    code: `fn sigmoid(x: f32) -> f32 {
  let e = exponential(-abs(x));
  return select(1.0, e, x < 0.0) / (1.0 + e);
}`,
  },
  /** e⁻²ᵘ, u being the argument of GELU's tanh, √(2/π)(x + 0.044715x³). */
  geluExponential: {
    uses: ["exponential"],
    code: `fn geluExponential(x: f32) -> f32 {
  return exponential(-x * fma(x * x, 0.07135481282565775, 1.5957691216057308));
}`,
  },
  /** ½x(1 + tanh u) as x / (1 + e⁻²ᵘ): the same without cancellation for negative x. It is 0 below −16. */
  gelu: { uses: ["geluExponential"], code: "fn gelu(x: f32) -> f32 { return max(x, -16.0) / (1.0 + geluExponential(x)); }" },
  /** With s = 1 / (1 + e⁻²ᵘ), s + x · s(1 − s) · 2u′. With e = e^−|2u|, s(1 − s) is e / (1 + e)²: nothing overflows. */
  geluDerivative: {
    uses: ["geluExponential", "isNaN"],
    code: `fn geluDerivative(x: f32) -> f32 {
  let bounded = clamp(x, -16.0, 16.0);
  let e = geluExponential(abs(bounded));
  let r = 1.0 / (1.0 + e);
  let s = select(r, e * r, bounded < 0.0);
  let slope = fma(bounded * bounded, 0.21406443847697725, 1.5957691216057308);
  return select(fma(bounded * slope, r * (e * r), s), x, isNaN(x));
}`,
  },
  /**
   * x · e / (1 + e) for negative x, with e = eˣ, which may be subnormal where the result is not: h = √e does not lose digits,
   * and (x · h) · (h / (1 + e)) is rounded to a subnormal number once.
   */
  silu: {
    uses: ["exponential"],
    code: `fn silu(x: f32) -> f32 {
  let bounded = max(x, -208.0);
  let h = exponential(-0.5 * abs(x));
  let t = select(1.0, h, x < 0.0);
  return (bounded * t) * (t / fma(h, h, 1.0));
}`,
  },
  /**
   * `grad` times s · (1 + x(1 − s)), with s = 1 / (1 + e⁻ˣ). With h and e as above and t = s < ½ ? h : 1, it is
   * (grad · t / (1 + e)) · (t · (1 + x(1 − s))): what grad is multiplied by first is at most 1, so that nothing overflows on
   * the way, and no factor is subnormal where the result is not.
   */
  siluGradient: {
    uses: ["exponential", "isNaN"],
    code: `fn siluGradient(x: f32, grad: f32) -> f32 {
  let bounded = clamp(x, -208.0, 208.0);
  let h = exponential(-0.5 * abs(bounded));
  let e = h * h;
  let r = 1.0 / (1.0 + e);
  let t = select(1.0, h, bounded < 0.0);
  let slope = t * fma(bounded, select(e * r, r, bounded < 0.0), 1.0);
  return select((grad * (t * r)) * slope, x, isNaN(x));
}`,
  },
} as const satisfies Definitions;
