import { expect } from "vitest";

interface Learnt {
  readonly backend: string;
  readonly losses: number[];
  readonly continuation: string;
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
    expect(continuation).toBe(" sat on the mat. ");
  }
}

/** Expects what `program/on-gpu.js` returns wherever it runs: the same from a GPU as from the processor. */
export function expectSameOnGPU(results: unknown): void {
  const [cpu, webgpu] = results as Learnt[];
  expect([cpu.backend, webgpu.backend]).toEqual(["cpu", "webgpu"]);
  expect(webgpu.continuation).toBe(cpu.continuation);
  expect(webgpu.losses).toHaveLength(2);
  for (const [i, loss] of webgpu.losses.entries()) expect(loss).toBeCloseTo(cpu.losses[i], 3);
}
