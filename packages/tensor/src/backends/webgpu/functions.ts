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
  /** Cody & Waite's reduction, and a minimax polynomial for (eʳ − 1 − r) / r². */
  exponential: {
    uses: ["isNaN", "scaled"],
    code: `fn exponential(x: f32) -> f32 {
  let bounded = clamp(x, -105.0, 90.0);
  let n = round(bounded * 1.44269504);
  let r = fma(n, 2.12194440e-4, fma(n, -0.693359375, bounded));
  let p = fma(fma(fma(fma(0.0013814467, r, 0.008368781), r, 0.041668393), r, 0.1666652), r, 0.49999994);
  return select(scaled(fma(p, r * r, r) + 1.0, i32(n)), x, isNaN(x));
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
  /** With x = m·2ᵉ, √½ ≤ m < √2: e·ln 2 + log m. */
  logarithm: {
    uses: ["logarithmNear", "isNaN", "nan", "infinity"],
    code: `fn logarithm(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var e = i32(bits >> 23u) - 126;
  var m = bitcast<f32>((bits & 0x007fffffu) | 0x3f000000u);
  if (m < 0.70710678) { e -= 1; m += m; }
  var y = logarithmNear(m - 1.0, f32(e));
  if (bits > 0x80000000u && bits <= 0xff800000u) { y = nan(); }
  if ((bits & 0x7fffffffu) < 0x00800000u) { y = -infinity(); }
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
  /** sin x, or with a turn of 1 cos x: reduced to |r| ≤ π/4 and a quadrant, then minimax polynomials (Cephes, sinf). */
  turned: {
    uses: ["isNaN", "nan"],
    code: `fn turned(x: f32, turn: i32) -> f32 {
  let n = round(x * 0.63661977);
  var r = fma(n, -1.5703125, x);
  r = fma(n, -4.837512969970703e-4, r);
  r = fma(n, -7.54978995489188e-8, r);
  let z = r * r;
  let sine = fma(fma(fma(-1.9515295891e-4, z, 8.3321608736e-3), z, -1.6666654611e-1), z * r, r);
  let rest = fma(fma(2.443315711809948e-5, z, -1.388731625493765e-3), z, 4.166664568298827e-2);
  let cosine = fma(rest, z * z, fma(-0.5, z, 1.0));
  let quadrant = i32(n) + turn;
  let y = select(sine, cosine, (quadrant & 1) == 1);
  let isFinite = (bitcast<u32>(x) & 0x7fffffffu) < 0x7f800000u;
  return select(nan(), select(y, -y, (quadrant & 2) == 2), isFinite);
}`,
  },
  sine: { uses: ["turned"], code: "fn sine(x: f32) -> f32 { return select(turned(x, 0), x, x == 0.0); }" },
  cosine: { uses: ["turned"], code: "fn cosine(x: f32) -> f32 { return turned(x, 1); }" },
  /** e^(b·log a) for sizes; signs and what has no finite logarithm as ECMAScript has it. */
  power: {
    uses: ["exponential", "logarithm", "isNaN", "nan"],
    code: `fn power(a: f32, b: f32) -> f32 {
  if (b == 0.0) { return 1.0; }
  if (isNaN(a) || isNaN(b)) { return nan(); }
  let size = abs(a);
  let bIsInfinite = (bitcast<u32>(b) & 0x7fffffffu) == 0x7f800000u;
  if (size == 1.0 && bIsInfinite) { return nan(); }
  var y = exponential(b * logarithm(size));
  if (size == 1.0) { y = 1.0; }
  if ((bitcast<u32>(a) >> 31u) == 1u) {
    let isWhole = b == trunc(b);
    let isOdd = isWhole && abs(b) < 16777216.0 && (i32(b) & 1) == 1;
    if (!isWhole && size > 0.0 && (bitcast<u32>(a) & 0x7fffffffu) < 0x7f800000u) { return nan(); }
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
  /** ½x(1 + tanh u) as x / (1 + e⁻²ᵘ): the same without cancellation for negative x. */
  gelu: { uses: ["geluExponential"], code: "fn gelu(x: f32) -> f32 { return x / (1.0 + geluExponential(x)); }" },
  /** With s = 1 / (1 + e⁻²ᵘ), s + x · s(1 − s) · 2u′. */
  geluDerivative: {
    uses: ["geluExponential", "isNaN"],
    code: `fn geluDerivative(x: f32) -> f32 {
  let e = min(geluExponential(x), 1e38);
  let s = 1.0 / (1.0 + e);
  return select(fma(x * fma(x * x, 0.21406443847697725, 1.5957691216057308), s * (s * e), s), x, isNaN(x));
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
