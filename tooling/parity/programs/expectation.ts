import type { Results } from "./run.ts";

/** Numbers of PyTorch's, and for each how far ours may be from it. Both in base64, little-endian. */
export interface Encoded {
  readonly values: string;
  /** A byte each: a code below, or how far a power of two lies above the smallest number, in steps of `step`. */
  readonly tolerances: string;
}

/** What PyTorch has for the results of a program, by their place; null where there is none. */
export type Expectation = Readonly<Record<number, Encoded | null>>;

const [step, smallest] = [1.1, -149];
/** The number must be the same: NaN, ∞, or whole. */
const same = 254;
/** float32 cannot tell the number. */
const unknown = 255;

/** Elements that were compared, and those that float32 cannot tell. */
export interface Coverage {
  known: number;
  unknown: number;
}

/** The first difference between results and what is expected, in words, or undefined. */
export function difference(results: Results, expected: Expectation, coverage?: Coverage): string | undefined {
  for (const [place, encoded] of Object.entries(expected)) {
    const i = Number(place);
    const actual = results[i];
    const what = i < results.length / 2 ? `%${i}` : `the gradient of %${i - results.length / 2}`;
    if (!encoded) {
      if (actual) return `${what}: PyTorch has none, here it is [${actual.join(", ")}]`;
      continue;
    }
    if (!actual) return `${what}: PyTorch has one, here there is none`;
    const problem = differenceOf(actual, encoded, coverage);
    if (problem) return `${what}: ${problem}`;
  }
  return undefined;
}

function differenceOf(actual: Float32Array | Int32Array, encoded: Encoded, coverage?: Coverage): string | undefined {
  const tolerances = bytesOf(encoded.tolerances);
  const { buffer } = bytesOf(encoded.values);
  const values = actual instanceof Int32Array ? new Int32Array(buffer) : new Float32Array(buffer);
  if (actual.length !== values.length) return `${actual.length} elements, ${values.length} in PyTorch`;
  for (const [i, code] of tolerances.entries()) {
    if (coverage) coverage[code === unknown ? "unknown" : "known"]++;
    if (code === unknown) continue;
    const tolerance = code === same ? 0 : 2 ** (step * code + smallest);
    const error = Math.abs(actual[i] - values[i]);
    if (error <= tolerance || Object.is(actual[i], values[i])) continue;
    const place = `element ${i} of ${actual.length}`;
    return `${place} is ${actual[i]}, in PyTorch ${values[i]} (within ${tolerance.toExponential(1)})`;
  }
  return undefined;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(base64, "base64"));
}
