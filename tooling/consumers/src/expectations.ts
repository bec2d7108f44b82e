import { expect } from "vitest";

interface Learnt {
  readonly backend: string;
  readonly losses: number[];
  readonly continuation: string;
}

interface Computed {
  readonly backend: string;
  readonly values: number[];
}

/** Expects what `program/program.js` returns wherever it runs: it has learnt its sentence, on each backend. */
export function expectLearnt(results: unknown): void {
  const [cpu, wasm, ...others] = results as Learnt[];
  expect(others).toEqual([]);
  expect(cpu.backend).toBe("cpu");
  expect(wasm.backend).toMatch(/^wasm-/);
  for (const { losses, continuation } of [cpu, wasm]) {
    expect(losses).toHaveLength(2);
    expect(losses[1]).toBeLessThan(0.4);
    expect(continuation).toBe(" owls jump. big o");
  }
}

/** Expects what `program/on-gpu.js` returns wherever it runs: the same from a GPU as from the processor. */
export function expectSameOnGPU(results: unknown): void {
  const [cpu, webgpu] = results as Computed[];
  expect([cpu.backend, webgpu.backend]).toEqual(["cpu", "webgpu"]);
  expect(webgpu.values).toHaveLength(64);
  for (const [i, value] of webgpu.values.entries()) expect(value).toBeCloseTo(cpu.values[i], 6);
}
