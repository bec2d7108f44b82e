import { expect } from "vitest";
import { attentionTable } from "../src/attention-sequences.ts";
import type { AttentionKernels, Backend, Dense, VectorsView, View } from "../src/contract/index.ts";
import { denseStrides } from "../src/shape.ts";
import type { Shape } from "../src/shape.ts";

const [heads, headDim] = [2, 8];

export type Pass = "attention" | "attentionGradient";

/** Calls a kernel for one sequence. What is written lies in one buffer, so that there is room for a binding more. */
export function attendSequence(
  kernels: Pick<AttentionKernels, Pass>, pass: Pass, tokens: number, window: number | null,
  memory: Pick<Backend, "allocate" | "write">,
): void {
  const sequences = [{ queryStart: 0, queryCount: tokens, keyCount: tokens, pages: null }];
  const numbers = attentionTable(sequences);
  const table: Dense<"i32"> = {
    buffer: memory.allocate(numbers.byteLength), offset: 0, shape: [numbers.length], strides: [1], dtype: "i32",
  };
  memory.write(table, numbers);
  const size = tokens * heads * headDim;
  const [read, written] = [16 * size, 20 * size].map((bytes) => memory.allocate(bytes));
  const make = (buffer: number, index: number, ...shape: Shape): Dense => ({
    buffer, offset: index * size, shape, strides: denseStrides(shape), dtype: "f32",
  });
  const own = (buffer: number, index: number): Dense => make(buffer, index, tokens, heads, headDim);
  const [q, k, v, grad] = [0, 1, 2, 3].map((index) => own(read, index));
  const [out, gradQ, gradK, gradV] = [0, 1, 2, 3].map((index) => own(written, index));
  const forward = { q, k, v, out, statistics: make(written, 4, tokens, heads, 2) };
  const options = { scale: 1, causal: true, window, batch: { sequences, table } };
  const vectors = (values: View): VectorsView => ({ dtype: "f32", shape: values.shape, values, scales: null });
  if (pass === "attention") kernels.attention({ ...options, ...forward, k: vectors(k), v: vectors(v), sinks: null });
  else kernels.attentionGradient({ ...options, ...forward, grad, gradQ, gradK, gradV });
}

/** Twice as many tokens are twice the work in a window, and four times without one. */
export async function expectWorkOfBand(
  workOf: (tokens: number, window: number | null) => number | Promise<number>,
): Promise<void> {
  const [banded, more] = [await workOf(256, 40), await workOf(512, 40)];
  const [whole, wholeMore] = [await workOf(256, null), await workOf(512, null)];
  expect(more / banded).toBeLessThan(2.2);
  expect(wholeMore / whole).toBeGreaterThan(3.5);
}
