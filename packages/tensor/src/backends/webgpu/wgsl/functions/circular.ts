import type { Definitions } from "./definition.ts";

/** Sine and cosine. */
export const circular = {
  /** The upper half of a product of 64 bits. */
  multiplyHigh: {
    uses: [],
    code: `fn multiplyHigh(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu;
  let aHigh = a >> 16u;
  let bLow = b & 0xffffu;
  let bHigh = b >> 16u;
  let middle = aHigh * bLow + ((aLow * bLow) >> 16u);
  let carry = (aLow * bHigh + (middle & 0xffffu)) >> 16u;
  return aHigh * bHigh + (middle >> 16u) + carry;
}`,
  },
  /**
   * x = n · π/2 + r with |r| ≤ π/4: n modulo 4, and r. Small ones by Cody & Waite, others by Payne & Hanek: x times those
   * 96 bits of 2/π that decide, of which 2 are in front of the point.
   */
  reduced: {
    uses: ["multiplyHigh"],
    code: `struct Reduced { n: i32, r: f32 }
fn reduced(x: f32) -> Reduced {
  if (abs(x) < 1024.0) {
    let n = round(x * 0.63661977);
    var r = fma(n, -1.5703125, x);
    r = fma(n, -4.837512969970703e-4, r);
    return Reduced(i32(n), fma(n, -7.54978995489188e-8, r));
  }
  var digits = array(0u, 0x28be60dbu, 0x9391054au, 0x7f09d5f4u, 0x7d4d3770u, 0x36d8a566u, 0x4f10e410u, 0u);
  let bits = bitcast<u32>(x);
  let m = (bits << 8u) | 0x80000000u;
  let e = ((bits >> 23u) & 0xffu) - 126u;
  let i = min(e >> 5u, 4u);
  let shift = e & 31u;
  // In two steps, since a shift by 32 is none.
  let back = 31u - shift;
  let high = (digits[i] << shift) | ((digits[i + 1u] >> back) >> 1u);
  let middle = (digits[i + 1u] << shift) | ((digits[i + 2u] >> back) >> 1u);
  let low = (digits[i + 2u] << shift) | ((digits[i + 3u] >> back) >> 1u);
  let part = multiplyHigh(m, low);
  var lower = m * middle + part;
  var upper = m * high + multiplyHigh(m, middle) + select(0u, 1u, lower < part);
  var n = i32(upper >> 30u);
  upper &= 0x3fffffffu;
  let isBehind = upper >= 0x20000000u;
  if (isBehind) {
    n += 1;
    lower = ~lower + 1u;
    upper = (~upper + select(0u, 1u, lower == 0u)) & 0x3fffffffu;
  }
  let r = (f32(upper) * 4294967296.0 + f32(lower)) * 3.4061215800304e-19;
  let isNegative = x < 0.0;
  return Reduced(select(n, -n, isNegative), select(r, -r, isBehind != isNegative));
}`,
  },
  /** sin x, or with a turn of 1 cos x, by minimax polynomials on |r| ≤ π/4 (Cephes, sinf). */
  turned: {
    uses: ["nan", "reduced"],
    code: `fn turned(x: f32, turn: i32) -> f32 {
  let parts = reduced(x);
  let r = parts.r;
  let z = r * r;
  let sine = fma(fma(fma(-1.9515295891e-4, z, 8.3321608736e-3), z, -1.6666654611e-1), z * r, r);
  let rest = fma(fma(2.443315711809948e-5, z, -1.388731625493765e-3), z, 4.166664568298827e-2);
  let cosine = fma(rest, z * z, fma(-0.5, z, 1.0));
  let quadrant = parts.n + turn;
  let y = select(sine, cosine, (quadrant & 1) == 1);
  let isFinite = (bitcast<u32>(x) & 0x7fffffffu) < 0x7f800000u;
  return select(nan(), select(y, -y, (quadrant & 2) == 2), isFinite);
}`,
  },
  sine: { uses: ["turned"], code: "fn sine(x: f32) -> f32 { return select(turned(x, 0), x, x == 0.0); }" },
  cosine: { uses: ["turned"], code: "fn cosine(x: f32) -> f32 { return turned(x, 1); }" },
} as const satisfies Definitions;
