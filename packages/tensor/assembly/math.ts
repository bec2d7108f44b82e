/** Functions of four f32 at once. Their errors are against exact values, and hold in both builds. */
import { madd, nmadd } from "./simd";

const log2e: f32 = 1.44269504;
// ln 2 in two parts; the first has few enough bits for exact products with exponents.
const ln2High: f32 = 0.693359375;
const ln2Low: f32 = -2.12194440e-4;
/** Adding it rounds to an integer, which then stands in the lowest bits: 1.5 · 2²³. */
const rounder: f32 = 12582912;

/**
 * eˣ within 1.5 ulp, and 0.5 · 2⁻¹⁴⁹ where the result is subnormal. With n = round(x / ln 2) and r = x − n·ln 2,
 * eˣ = 2ⁿ·eʳ, where eʳ is a minimax polynomial on |r| ≤ ½ ln 2.
 */
@inline
export function exp4(x: v128): v128 {
  const bounded = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-105)), f32x4.splat(90));
  const shifted = madd(bounded, f32x4.splat(log2e), f32x4.splat(rounder));
  const n = f32x4.sub(shifted, f32x4.splat(rounder));
  const r = nmadd(n, f32x4.splat(ln2Low), nmadd(n, f32x4.splat(ln2High), bounded));
  let p = madd(f32x4.splat(0.0013814467), r, f32x4.splat(0.008368781));
  p = madd(p, r, f32x4.splat(0.041668393));
  p = madd(p, r, f32x4.splat(0.1666652));
  p = madd(p, r, f32x4.splat(0.49999994));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), f32x4.splat(1));
  // 2ⁿ in two factors, since n may be outside the exponents of normal numbers.
  const exponent = i32x4.sub(shifted, f32x4.splat(rounder));
  const half = i32x4.shr_s(exponent, 1);
  return f32x4.mul(f32x4.mul(p, powerOf2(half)), powerOf2(i32x4.sub(exponent, half)));
}

@inline
function powerOf2(exponent: v128): v128 {
  return i32x4.shl(i32x4.add(exponent, i32x4.splat(127)), 23);
}

/** tanh x within 2 ulp: an odd minimax polynomial below 0.625, 1 − 2 / (e²ˣ + 1) above. */
@inline
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let p = madd(f32x4.splat(-0.0057049855), square, f32x4.splat(0.020639086));
  p = madd(p, square, f32x4.splat(-0.053739716));
  p = madd(p, square, f32x4.splat(0.13331442));
  p = madd(p, square, f32x4.splat(-0.3333328));
  const small = madd(f32x4.mul(p, square), x, x);
  const one = f32x4.splat(1);
  const large = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(exp4(f32x4.add(size, size)), one)));
  const signed = v128.bitselect(x, large, f32x4.splat(-0.0));
  return v128.bitselect(small, signed, f32x4.lt(size, f32x4.splat(0.625)));
}

/** 1 / (1 + e⁻ˣ). */
@inline
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

// √(8/π) and its product with 0.044715: twice the argument of GELU's tanh is x · (slope + cubic · x²).
const geluSlope: f32 = 1.5957691216057308;
const geluCubic: f32 = 0.07135481282565775;

@inline
function geluExponential(x: v128): v128 {
  const inner = madd(f32x4.mul(x, x), f32x4.splat(geluCubic), f32x4.splat(geluSlope));
  return exp4(f32x4.neg(f32x4.mul(x, inner)));
}

/**
 * GELU in its tanh form, ½x(1 + tanh u), as x / (1 + e⁻²ᵘ): the same without cancellation for negative x. The error is
 * at most 3 ulp of the result plus what the rounding of u makes of it, |u| · 2⁻²³ of the result.
 */
@inline
export function gelu4(x: v128): v128 {
  return f32x4.div(x, f32x4.add(f32x4.splat(1), geluExponential(x)));
}

/** The derivative of `gelu4`: with s = 1 / (1 + e⁻²ᵘ), s + x · s(1 − s) · 2u′. */
@inline
export function geluDerivative4(x: v128): v128 {
  const one = f32x4.splat(1);
  const e = f32x4.pmin(geluExponential(x), f32x4.splat(1e38));
  const s = f32x4.div(one, f32x4.add(one, e));
  const slope = madd(f32x4.mul(x, x), f32x4.splat(3 * geluCubic), f32x4.splat(geluSlope));
  return madd(f32x4.mul(x, slope), f32x4.mul(s, f32x4.mul(s, e)), s);
}
