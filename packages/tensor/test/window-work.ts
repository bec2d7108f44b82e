import { expect } from "vitest";
import type { AttentionKernels, Dense } from "../src/contract/index.ts";
import { denseStrides } from "../src/shape.ts";
import type { Shape } from "../src/shape.ts";

const [heads, headDim] = [2, 8];

export type Pass = "attention" | "attentionGradient";

/** Calls a kernel for one sequence. What is written lies in one buffer, so that there is room for a binding more. */
export function attendSequence(
  kernels: Pick<AttentionKernels, Pass>, pass: Pass, tokens: number, window: number | null, allocate: (bytes: number) => number,
): void {
  const size = tokens * heads * headDim;
  const [read, written] = [allocate(16 * size), allocate(20 * size)];
  const make = (buffer: number, index: number, ...shape: Shape): Dense => ({
    buffer, offset: index * size, shape, strides: denseStrides(shape), dtype: "f32",
  });
  const own = (buffer: number, index: number): Dense => make(buffer, index, tokens, heads, headDim);
  const [q, k, v, grad] = [0, 1, 2, 3].map((index) => own(read, index));
  const [out, gradQ, gradK, gradV] = [0, 1, 2, 3].map((index) => own(written, index));
  const forward = { q, k, v, out, statistics: make(written, 4, tokens, heads, 2) };
  const sequences = [{ queryStart: 0, queryCount: tokens, keyStart: 0, keyCount: tokens }];
  const options = { scale: 1, causal: true, window, sequences };
  if (pass === "attention") kernels.attention({ ...options, ...forward, sinks: null });
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
