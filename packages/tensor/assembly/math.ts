/** Functions, most of four f32 at once. Their errors are against exact values, and hold in both builds. */
import { madd, nmadd } from "./simd";

/**
 * Constants lie in memory: a load that fills a vector is one instruction, while engines build a literal vector by
 * several, in every round of a loop.
 */
const constants: usize = memory.data<f32>([
  // 0: 1, and the sign bit.
  1, -0.0,
  // 8: below and above these, eˣ is 0 and ∞.
  -105, 90,
  // 16: 1 / ln 2; what rounds to an integer that then stands in the lowest bits, 1.5 · 2²³; and ln 2 in two parts, the
  // first with few enough bits for exact products with exponents.
  1.44269504, 12582912, 0.693359375, -2.12194440e-4,
  // 32: (eʳ − 1 − r) / r², from the highest power on.
  0.0013814467, 0.008368781, 0.041668393, 0.1666652, 0.49999994,
  // 52: (tanh x − x) / x³ by powers of x², from the highest on, and up to which x it holds.
  -0.0057049855, 0.020639086, -0.053739716, 0.13331442, -0.3333328, 0.625,
  // 76: GELU's 2√(2/π), its product with 0.044715, and three times that.
  1.5957691216057308, 0.07135481282565775, 0.21406443847697725,
  // 88: beyond these, GELU is 0 or its argument.
  -16, 16,
  // 96: erfc's exponent q(t), from the highest power on, ½, and from where on erfc is 0.
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  -1.26551223, 0.5, 12,
  // 144: beyond these, SiLU is 0 or its argument.
  -208, 208,
]);

@inline
function constant(offset: usize): v128 {
  return v128.load32_splat(constants + offset);
}

/**
 * eˣ within 1.5 ulp, also where the result is subnormal. With n = round(x / ln 2) and
 * r = x − n·ln 2, eˣ = 2ⁿ·eʳ, where eʳ is a minimax polynomial on |r| ≤ ½ ln 2.
 */
@inline
export function exp4(x: v128): v128 {
  const bounded = f32x4.pmin(f32x4.pmax(x, constant(8)), constant(12));
  const shifted = madd(bounded, constant(16), constant(20));
  const n = f32x4.sub(shifted, constant(20));
  const r = nmadd(n, constant(28), nmadd(n, constant(24), bounded));
  let p = madd(constant(32), r, constant(36));
  p = madd(p, r, constant(40));
  p = madd(p, r, constant(44));
  p = madd(p, r, constant(48));
  p = f32x4.add(madd(p, f32x4.mul(r, r), r), constant(0));
  // 2ⁿ in two factors, since n may be outside the exponents of normal numbers.
  const exponent = i32x4.sub(shifted, constant(20));
  const half = i32x4.shr_s(exponent, 1);
  return f32x4.mul(f32x4.mul(p, powerOf2(half)), powerOf2(i32x4.sub(exponent, half)));
}

/** The number whose exponent bits differ from those of 1 by so much. */
@inline
function powerOf2(exponent: v128): v128 {
  return i32x4.add(i32x4.shl(exponent, 23), constant(0));
}

/** tanh x within 2 ulp: an odd minimax polynomial below 0.625, 1 − 2 / (e²ˣ + 1) above. */
@inline
export function tanh4(x: v128): v128 {
  const size = f32x4.abs(x);
  const square = f32x4.mul(x, x);
  let p = madd(constant(52), square, constant(56));
  p = madd(p, square, constant(60));
  p = madd(p, square, constant(64));
  p = madd(p, square, constant(68));
  const small = madd(f32x4.mul(p, square), x, x);
  const one = constant(0);
  const large = f32x4.sub(one, f32x4.div(f32x4.add(one, one), f32x4.add(exp4(f32x4.add(size, size)), one)));
  const signed = v128.bitselect(x, large, constant(4));
  return v128.bitselect(small, signed, f32x4.lt(size, constant(72)));
}

/**
 * 1 − erf x within 8 ulp: t · e^(q(t) − z²) with z = |x| and t = 1 / (1 + ½z), q being a minimax polynomial (Press et al.
 * 1992, section 6.2, erfcc). z² is that of the upper 12 digits of z, which is exact, and the rest.
 */
@inline
export function erfc4(x: v128): v128 {
  const one = constant(0);
  const z = f32x4.pmin(f32x4.abs(x), constant(140));
  const t = f32x4.div(one, madd(z, constant(136), one));
  let q = madd(constant(96), t, constant(100));
  for (let offset: usize = 104; offset < 136; offset += 4) q = madd(q, t, constant(offset));
  const high = i32x4.shl(i32x4.shr_u(z, 12), 12);
  const rest = exp4(madd(f32x4.sub(high, z), f32x4.add(high, z), q));
  const y = f32x4.mul(f32x4.mul(t, rest), exp4(f32x4.neg(f32x4.mul(high, high))));
  return v128.bitselect(f32x4.sub(f32x4.add(one, one), y), y, i32x4.shr_s(x, 31));
}

/** 1 / (1 + e⁻ˣ) within 2.5 ulp. With e = e^−|x| it is 1 / (1 + e), or e / (1 + e) where x < 0: nothing overflows. */
@inline
export function sigmoid4(x: v128): v128 {
  const one = constant(0);
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  return f32x4.div(v128.bitselect(e, one, i32x4.shr_s(x, 31)), f32x4.add(one, e));
}

/** 2u, u being the argument of GELU's tanh, √(2/π)(x + 0.044715x³). */
@inline
function geluArgument(x: v128, square: v128): v128 {
  return f32x4.mul(x, madd(square, constant(80), constant(76)));
}

/**
 * GELU in its tanh form, ½x(1 + tanh u), as x / (1 + e⁻²ᵘ): the same without cancellation for negative x. Within 3 ulp
 * and, since u is rounded, 6|u| more.
 */
@inline
export function gelu4(x: v128): v128 {
  const e = exp4(f32x4.neg(geluArgument(x, f32x4.mul(x, x))));
  return f32x4.div(f32x4.pmax(x, constant(88)), f32x4.add(constant(0), e));
}

/**
 * The derivative of `gelu4`: with s = 1 / (1 + e⁻²ᵘ), s + x · s(1 − s) · 2u′. With e = e^−|2u|, s(1 − s) is e / (1 + e)²:
 * nothing overflows.
 */
@inline
export function geluDerivative4(x: v128): v128 {
  const bounded = f32x4.pmin(f32x4.pmax(x, constant(88)), constant(92));
  const square = f32x4.mul(bounded, bounded);
  const e = exp4(v128.or(geluArgument(bounded, square), constant(4)));
  const r = f32x4.div(constant(0), f32x4.add(constant(0), e));
  const rest = f32x4.mul(e, r);
  const slope = madd(square, constant(84), constant(76));
  const s = v128.bitselect(rest, r, i32x4.shr_s(bounded, 31));
  return madd(f32x4.mul(bounded, slope), f32x4.mul(r, rest), s);
}

/**
 * x / (1 + e⁻ˣ) within 5 ulp. For negative x it is x · e / (1 + e) with e = eˣ, which may be subnormal where the result is
 * not: h = √e does not lose digits, and (x · h) · (h / (1 + e)) is rounded to a subnormal number once.
 */
@inline
export function silu4(x: v128): v128 {
  const bounded = f32x4.pmax(x, constant(144));
  const h = rootOfExp(bounded);
  const t = v128.bitselect(h, constant(0), i32x4.shr_s(bounded, 31));
  return f32x4.mul(f32x4.mul(bounded, t), f32x4.div(t, madd(h, h, constant(0))));
}

/**
 * `g` times the derivative of `silu4`, s · (1 + x(1 − s)) with s = 1 / (1 + e⁻ˣ). With h, e and t = s < ½ ? h : 1 as above,
 * it is (g · t / (1 + e)) · (t · (1 + x(1 − s))): what g is multiplied by first is at most 1, so that nothing overflows on the
 * way, and no factor is subnormal where the result is not.
 */
@inline
export function siluGradient4(x: v128, g: v128): v128 {
  const one = constant(0);
  const bounded = f32x4.pmin(f32x4.pmax(x, constant(144)), constant(148));
  const isNegative = i32x4.shr_s(bounded, 31);
  const h = rootOfExp(bounded);
  const e = f32x4.mul(h, h);
  const r = f32x4.div(one, f32x4.add(one, e));
  const t = v128.bitselect(h, one, isNegative);
  const rest = v128.bitselect(r, f32x4.mul(e, r), isNegative);
  const slope = f32x4.mul(t, madd(bounded, rest, one));
  return f32x4.mul(f32x4.mul(g, f32x4.mul(t, r)), slope);
}

/** e^−½|x|. */
@inline
function rootOfExp(x: v128): v128 {
  return exp4(f32x4.mul(f32x4.abs(x), f32x4.neg(constant(136))));
}

/** 2/π in bits, with two zeros in front of them. */
const digits: usize = memory.data<u32>([
  0, 0x28be60db, 0x9391054a, 0x7f09d5f4, 0x7d4d3770, 0x36d8a566, 0x4f10e410, 0,
]);

/**
 * sin x, or with a turn of 1 cos x. The library's are for arguments below 2²⁸. From there on x = n · π/2 + r by Payne &
 * Hanek 1983: x times those 96 bits of 2/π that decide, of which 2 are in front of the point.
 */
export function turned(x: f32, turn: i32): f32 {
  const bits = reinterpret<u32>(x) & 0x7fffffff;
  if (bits < 0x4d800000 || bits >= 0x7f800000) return turn ? Mathf.cos(x) : Mathf.sin(x);
  const m = <u64>((bits << 8) | 0x80000000);
  const e = (bits >> 23) - 126;
  const from = digits + <usize>(e >> 5) * 4;
  const product =
    (m * <u64>digitsAt(from, e) << 32) + m * <u64>digitsAt(from + 4, e) + (m * <u64>digitsAt(from + 8, e) >> 32);
  // What is behind the point, from −½ on, in units of π/2.
  const r = <f32>(<f64><i64>(product << 2) * 8.515303950216386e-20);
  const n = <i32>((product + (<u64>1 << 61)) >> 62);
  const quadrant = (x < 0 ? -n : n) + turn;
  const y = quadrant & 1 ? Mathf.cos(r) : Mathf.sin(x < 0 ? -r : r);
  return quadrant & 2 ? -y : y;
}

/** The 32 bits that begin `shift` modulo 32 bits behind an address. */
@inline
function digitsAt(address: usize, shift: u32): u32 {
  const two = (<u64>load<u32>(address) << 32) | <u64>load<u32>(address, 4);
  return <u32>((two << <u64>(shift & 31)) >> 32);
}

/** log(1 + x) for x ≥ 0, within an ulp of f32 also where x is tiny. */
@inline
export function log1p(x: f64): f64 {
  return x < 1e-4 ? x - 0.5 * x * x : Math.log(1 + x);
}
