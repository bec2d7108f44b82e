import type { Shape } from "../shape.ts";
import { formatShape } from "../shape.ts";
import type { NdArray } from "./reference/array.ts";

/** How far single elements may be off, as a multiple of the tolerance in norm: a guard against gross errors. */
const elementFactor = 100;

/**
 * Throws where `actual` is not `expected`: NaN and ∞ must stand in the same places; for the rest
 * ‖actual − expected‖₂ / ‖expected‖₂ must be within the tolerance, and no element far off. A tolerance of 0 asks for
 * equal bits, but for the sign of zero.
 */
export function compare(what: string, actual: ArrayLike<number>, expected: NdArray, tolerance: number): void {
  const { shape, data } = expected;
  if (actual.length !== data.length) throw new Error(`${what}: expected ${data.length} elements, got ${actual.length}`);
  const wanted = tolerance === 0 ? data : Float32Array.from(data);
  let squares = 0;
  let squaredErrors = 0;
  let worst = 0;
  let worstError = 0;
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(actual[i] - wanted[i]);
    if (!Number.isFinite(wanted[i]) || !Number.isFinite(actual[i])) {
      if (!Object.is(actual[i], wanted[i])) throw mismatch(what, shape, i, wanted[i], actual[i], "");
      continue;
    }
    squares += wanted[i] ** 2;
    squaredErrors += error ** 2;
    if (error > worstError) [worst, worstError] = [i, error];
  }
  const norm = Math.sqrt(squares) || 1;
  const relative = Math.sqrt(squaredErrors) / norm;
  const typical = norm / Math.sqrt(wanted.length || 1);
  const isGross = worstError > elementFactor * tolerance * (Math.abs(wanted[worst]) + typical);
  if (relative > tolerance || isGross) {
    const figures = `error in norm ${relative.toExponential(2)}, tolerance ${tolerance}`;
    throw mismatch(what, shape, worst, wanted[worst], actual[worst], figures);
  }
}

/** Throws where two runs of one computation differ in a bit. */
export function compareBits(what: string, first: ArrayLike<number>, second: ArrayLike<number>, shape: Shape): void {
  for (let i = 0; i < first.length; i++) {
    if (Object.is(first[i], second[i])) continue;
    throw mismatch(`${what}: not deterministic`, shape, i, first[i], second[i], "");
  }
}

function mismatch(what: string, shape: Shape, i: number, wanted: number, actual: number, figures: string): Error {
  const index: number[] = [];
  for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
    index.unshift(rest % shape[axis]);
    rest = Math.floor(rest / shape[axis]);
  }
  const place = `element ${formatShape(index)} of ${formatShape(shape)}`;
  return new Error(`${what}: ${place}: expected ${wanted}, got ${actual}${figures && `; ${figures}`}`);
}
