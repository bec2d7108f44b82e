import type { Definitions } from "./definition.ts";

/** What numbers are: NaN, signs, parts, and the nearest of another kind. */
export const numbers = {
  isNaN: {
    uses: [],
    code: "fn isNaN(x: f32) -> bool { return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u; }",
  },
  larger: {
    uses: ["isNaN"],
    code: "fn larger(a: f32, b: f32) -> f32 { return select(select(max(a, b), b, isNaN(b)), a, isNaN(a)); }",
  },
  smaller: {
    uses: ["isNaN"],
    code: "fn smaller(a: f32, b: f32) -> f32 { return select(select(min(a, b), b, isNaN(b)), a, isNaN(a)); }",
  },
  /** −1, 0 or 1; NaN stays. By bits, since arithmetic may flush subnormal numbers. */
  signOf: {
    uses: ["isNaN"],
    code: `fn signOf(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  return select(bitcast<f32>((bits & 0x80000000u) | 0x3f800000u), x, (bits << 1u) == 0u || isNaN(x));
}`,
  },
  /** a / b. Devices need not divide by what is beyond 2¹²⁶, whose reciprocal is subnormal. */
  quotient: {
    uses: [],
    code: `fn quotient(a: f32, b: f32) -> f32 {
  let scale = select(1.0, 0.25, abs(b) > 0x1p126f);
  return (a * scale) / (b * scale);
}`,
  },
  /** Towards zero; to the nearest that fits where it does not, and 0 for NaN. */
  truncated: {
    uses: ["isNaN"],
    code: `fn truncated(x: f32) -> i32 {
  if (isNaN(x)) { return 0; }
  return select(i32(clamp(x, -2147483648.0, 2147483520.0)), 2147483647, x >= 2147483648.0);
}`,
  },
  nan: { uses: [], code: "fn nan() -> f32 { let bits = 0x7fc00000u; return bitcast<f32>(bits); }" },
  infinity: { uses: [], code: "fn infinity() -> f32 { let bits = 0x7f800000u; return bitcast<f32>(bits); }" },
  /** x · 2ⁿ for −252 ≤ n ≤ 254: in two steps, since n may be outside the exponents of normal numbers. */
  scaled: {
    uses: [],
    code: `fn scaled(x: f32, n: i32) -> f32 {
  let half = n >> 1u;
  return x * bitcast<f32>((half + 127) << 23u) * bitcast<f32>((n - half + 127) << 23u);
}`,
  },
  /** x > 0 as m·2ᵉ, √½ ≤ m < √2. A subnormal number, which arithmetic may flush, is its bits times 2⁻¹⁴⁹. */
  parted: {
    uses: [],
    code: `struct Parted { m: f32, e: i32 }
fn parted(x: f32) -> Parted {
  var bits = bitcast<u32>(x);
  let isSubnormal = bits < 0x00800000u;
  if (isSubnormal) { bits = bitcast<u32>(f32(bits)); }
  var e = i32(bits >> 23u) - select(126, 275, isSubnormal);
  var m = bitcast<f32>((bits & 0x007fffffu) | 0x3f000000u);
  if (m < 0.70710678) { e -= 1; m += m; }
  return Parted(m, e);
}`,
  },
  /** The upper 12 bits of the digits of x: products of two such numbers are exact. */
  upper: { uses: [], code: "fn upper(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }" },
} as const satisfies Definitions;
