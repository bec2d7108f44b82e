/** Functions in WGSL that kernels share, where the built-in ones are too inexact, or say nothing of NaN. */

const definitions = {
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
  relu: { uses: ["isNaN"], code: "fn relu(x: f32) -> f32 { return select(max(x, 0.0), x, isNaN(x)); }" },
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
  /** A sum that was taken at two scales, so that the second is right where the first has overflowed on the way. */
  atTwoScales: { uses: [], code: "fn atTwoScales(x: f32) -> vec2f { return x * vec2f(1.0, 0x1p-40f); }" },
  sumOfTwoScales: {
    uses: [],
    code: `fn sumOfTwoScales(sums: vec2f, divisor: f32) -> f32 {
  let isFinite = (bitcast<u32>(sums.x) & 0x7fffffffu) < 0x7f800000u;
  return select(sums.y / divisor * 0x1p40f, sums.x / divisor, isFinite);
}`,
  },
  /**
   * The square of x − center at three scales, so that a sum of them is right at one: at 2⁻⁷⁰ where squares are beyond f32,
   * at 1, and at 2⁶⁴ where they are too small for it.
   */
  squaresAtScales: {
    uses: [],
    code: `fn squaresAtScales(x: f32, center: f32) -> vec3f {
  let distance = x - center;
  let distances = vec3f(x * 0x1p-70f - center * 0x1p-70f, distance, distance * 0x1p64f);
  return distances * distances;
}`,
  },
  /** The root of a sum of such squares. */
  rootOfSquares: {
    uses: [],
    code: `fn rootOfSquares(squares: vec3f) -> f32 {
  if (squares.y < 0x1p-60f) { return sqrt(squares.z) * 0x1p-64f; }
  if (squares.y < 0x1p127f) { return sqrt(squares.y); }
  return sqrt(squares.x) * 0x1p70f;
}`,
  },
  /** √(a² + b²) for a and b from 0, b a number. */
  hypotenuse: {
    uses: ["isNaN"],
    code: `fn hypotenuse(a: f32, b: f32) -> f32 {
  let longer = max(a, b);
  if (longer == 0.0 || isNaN(a)) { return a; }
  let ratio = min(a, b) / longer;
  return longer * sqrt(fma(ratio, ratio, 1.0));
}`,
  },
  /** √(distance² − rest²), the deviation from a mean that is `rest` beside the number from which the distance was taken. */
  deviationBeside: {
    uses: [],
    code: `fn deviationBeside(distance: f32, rest: f32) -> f32 {
  if (rest == 0.0) { return distance; }
  let ratio = rest / distance;
  return distance * sqrt(max(fma(-ratio, ratio, 1.0), 0.0));
}`,
  },
  /** (x − mean) · inverse, the mean in two parts, where the distance may be beyond f32. */
  normalized: {
    uses: [],
    code: `fn normalized(x: f32, mean: vec2f, inverse: f32) -> f32 {
  let isWide = inverse < 0x1p-100f;
  let scale = select(1.0, 0x1p-64f, isWide);
  return ((x * scale - mean.x * scale) - mean.y * scale) * (inverse * select(1.0, 0x1p64f, isWide));
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
  /** The upper 12 bits of the digits of x: products of two such numbers are exact. */
  upper: { uses: [], code: "fn upper(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & 0xfffff000u); }" },
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
} as const satisfies Record<string, { uses: readonly string[]; code: string }>;

export type FunctionName = keyof typeof definitions;

/** The definitions of some functions, and of those that they call. */
export function functions(names: readonly FunctionName[]): string {
  const wanted = new Set<FunctionName>();
  const want = (name: FunctionName): void => {
    definitions[name].uses.forEach(want);
    wanted.add(name);
  };
  names.forEach(want);
  return [...wanted].map((name) => definitions[name].code).join("\n");
}
