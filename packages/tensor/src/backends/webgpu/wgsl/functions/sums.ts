import type { Definitions } from "./definition.ts";

/** Sums, means and distances whose parts may be beyond f32. */
export const sums = {
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
} as const satisfies Definitions;
