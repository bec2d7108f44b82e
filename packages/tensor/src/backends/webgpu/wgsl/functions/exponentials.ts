import type { Definitions } from "./definition.ts";

/** Exponentials, logarithms and powers. */
export const exponentials = {
  /** eʳ · 2ⁿ for |r| ≤ ½ ln 2, by a minimax polynomial for (eʳ − 1 − r) / r². */
  expanded: {
    uses: ["scaled"],
    code: `fn expanded(r: f32, n: f32) -> f32 {
  let p = fma(fma(fma(fma(0.0013814467, r, 0.008368781), r, 0.041668393), r, 0.1666652), r, 0.49999994);
  return scaled(fma(p, r * r, r) + 1.0, i32(n));
}`,
  },
  /** By Cody & Waite's reduction. */
  exponential: {
    uses: ["isNaN", "expanded"],
    code: `fn exponential(x: f32) -> f32 {
  let bounded = clamp(x, -105.0, 90.0);
  let n = round(bounded * 1.44269504);
  let r = fma(n, 2.12194440e-4, fma(n, -0.693359375, bounded));
  return select(expanded(r, n), x, isNaN(x));
}`,
  },
  /** n·ln 2 + log(1 + r) for √½ ≤ 1 + r < √2, by a minimax polynomial (Cephes, logf). */
  logarithmNear: {
    uses: [],
    code: `fn logarithmNear(r: f32, n: f32) -> f32 {
  let z = r * r;
  var p = fma(7.0376836292e-2, r, -1.1514610310e-1);
  p = fma(fma(fma(p, r, 1.1676998740e-1), r, -1.2420140846e-1), r, 1.4249322787e-1);
  p = fma(fma(fma(fma(p, r, -1.6668057665e-1), r, 2.0000714765e-1), r, -2.4999993993e-1), r, 3.3333331174e-1);
  let y = fma(-0.5, z, fma(r * z, p, n * -2.12194440e-4));
  return fma(n, 0.693359375, r + y);
}`,
  },
  /** With x = m·2ᵉ: e·ln 2 + log m. */
  logarithm: {
    uses: ["logarithmNear", "parted", "isNaN", "nan", "infinity"],
    code: `fn logarithm(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  let parts = parted(x);
  var y = logarithmNear(parts.m - 1.0, f32(parts.e));
  if (bits > 0x80000000u && bits <= 0xff800000u) { y = nan(); }
  if ((bits & 0x7fffffffu) == 0u) { y = -infinity(); }
  return select(y, x, isNaN(x) || bits == 0x7f800000u);
}`,
  },
  /** log(1 + x) for x ≥ 0: exact where x is tiny, too. */
  logarithmOf1Plus: {
    uses: ["logarithm", "logarithmNear"],
    code: `fn logarithmOf1Plus(x: f32) -> f32 {
  if (x < 0.41421356) { return logarithmNear(x, 0.0); }
  return logarithm(1.0 + x);
}`,
  },
  /**
   * aᵇ for a from 0, by products where b is small and whole, else as 2^(b·log₂ a). The logarithm and the product are sums of
   * an exact part and a small one, so that their rounding does not grow with the exponent. With a = m·2ᵉ and
   * q = (m − 1) / (m + 1), log₂ a is e + 2/ln 2 · atanh q.
   */
  powerOfSize: {
    uses: ["parted", "expanded", "upper", "infinity"],
    code: `fn powerOfSize(a: f32, b: f32) -> f32 {
  if (b > 0.0 && b <= 8.0 && b == trunc(b)) {
    var y = select(1.0, a, (u32(b) & 1u) == 1u);
    var square = a;
    for (var n = u32(b) >> 1u; n > 0u; n >>= 1u) {
      square *= square;
      if ((n & 1u) == 1u) { y *= square; }
    }
    return y;
  }
  let bits = bitcast<u32>(a);
  if (bits == 0u || bits == 0x7f800000u) { return select(0.0, infinity(), (bits == 0u) == (b < 0.0)); }
  let parts = parted(a);
  let e = f32(parts.e);
  let d = parts.m - 1.0;
  let q = d / (parts.m + 1.0);
  let qHigh = upper(q);
  let dHigh = upper(d);
  let qLow = (((d - 2.0 * qHigh) - qHigh * dHigh) - qHigh * (d - dHigh)) / (parts.m + 1.0);
  let z = q * q;
  let series = fma(fma(fma(0.1293334961, z, 0.1419928074), z, 0.2000148296), z, 0.3333332539);
  // 2/ln 2 is 2.884765625, of 12 digits, and the rest.
  let tail = fma(2.88539008, fma(q * z, series, qLow), 6.2445678e-4 * qHigh);
  let logHigh = upper(2.884765625 * qHigh + tail);
  let logLow = (2.884765625 * qHigh - logHigh) + tail;
  let y = b * (e + logHigh);
  if (abs(y) > 200.0) { return select(0.0, infinity(), y > 0.0); }
  let n = round(y);
  let bHigh = upper(b);
  let bLow = b - bHigh;
  let f = (((bHigh * e - n) + bHigh * logHigh) + bLow * (e + logHigh)) + b * logLow;
  return expanded(f * 0.69314718, n);
}`,
  },
  /** As IEEE 754 has it. */
  power: {
    uses: ["powerOfSize", "isNaN", "nan"],
    code: `fn power(a: f32, b: f32) -> f32 {
  if (b == 0.0 || a == 1.0) { return 1.0; }
  if (isNaN(a) || isNaN(b)) { return nan(); }
  let size = abs(a);
  if (size == 1.0 && (bitcast<u32>(b) & 0x7fffffffu) == 0x7f800000u) { return 1.0; }
  var y = powerOfSize(size, b);
  if ((bitcast<u32>(a) >> 31u) == 1u) {
    let isWhole = b == trunc(b);
    let isOdd = isWhole && abs(b) < 16777216.0 && (i32(b) & 1) == 1;
    let bits = bitcast<u32>(size);
    if (!isWhole && bits > 0u && bits < 0x7f800000u) { return nan(); }
    if (isOdd) { y = -y; }
  }
  return y;
}`,
  },
} as const satisfies Definitions;
