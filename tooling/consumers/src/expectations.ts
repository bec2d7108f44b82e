import { expect } from "vitest";

/** What `program/program.js` returns wherever it runs: it has learnt its sentence, on every backend. */
export function expectLearnt(results: unknown): void {
  const learnt = { losses: [expect.any(Number), expect.any(Number)], continuation: " sat on the mat. " };
  expect(results).toEqual({ cpu: learnt });
  for (const { losses } of Object.values(results as Record<string, { losses: number[] }>)) {
    expect(losses[1]).toBeLessThan(0.4);
  }
}
