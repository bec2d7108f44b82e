import { expect, test } from "vitest";
import { constantSchedule, warmupCosine, warmupLinear, warmupStableDecay } from "./schedule.ts";

/** nanoGPT's `get_lr`, whose iterations count from 0. */
function nanoGPT(iteration: number, rate: number, min: number, warmup: number, decay: number): number {
  if (iteration < warmup) return (rate * (iteration + 1)) / (warmup + 1);
  if (iteration > decay) return min;
  const ratio = (iteration - warmup) / (decay - warmup);
  return min + 0.5 * (1 + Math.cos(Math.PI * ratio)) * (rate - min);
}

test("warm-up and cosine follow nanoGPT's formula, beyond the last step as well", () => {
  for (const [warmupSteps, steps] of [
    [100, 2000],
    [0, 7],
    [1, 2],
  ]) {
    const schedule = warmupCosine({ learningRate: 1e-3, minLearningRate: 1e-4, warmupSteps, steps });
    for (let step = 1; step <= steps + 3; step++) {
      expect(schedule(step)).toBeCloseTo(nanoGPT(step - 1, 1e-3, 1e-4, warmupSteps, steps), 15);
    }
  }
});

test("known points: the first step, the peak, half of the cosine", () => {
  const schedule = warmupCosine({ learningRate: 1, minLearningRate: 0.1, warmupSteps: 9, steps: 109 });
  expect(schedule(1)).toBeCloseTo(0.1, 15);
  expect(schedule(10)).toBeCloseTo(1, 15);
  expect(schedule(60)).toBeCloseTo(0.55, 15);
  expect(schedule(1000)).toBe(0.1);
});

test("a run that only warms up divides by nothing", () => {
  const schedule = warmupCosine({ learningRate: 1, minLearningRate: 0, warmupSteps: 3, steps: 3 });
  expect([1, 2, 3, 4].map(schedule)).toEqual([0.25, 0.5, 0.75, 0]);
});

test("a warm-up that is longer than the run goes on to its end", () => {
  const schedule = warmupCosine({ learningRate: 1, minLearningRate: 0, warmupSteps: 9, steps: 3 });
  expect([1, 2, 3].map(schedule)).toEqual([0.1, 0.2, 0.3]);
});

test("a line, and one at the end alone", () => {
  const settings = { learningRate: 1, minLearningRate: 0.2, warmupSteps: 1, steps: 9 };
  const rates = (schedule: (step: number) => number): number[] => Array.from({ length: 11 }, (_, i) => schedule(i + 1));
  const close = (values: number[]) => values.map((value) => expect.closeTo(value, 12) as number);
  expect(rates(warmupLinear(settings))).toEqual(close([0.5, 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.2]));
  expect(rates(warmupStableDecay({ ...settings, decaySteps: 4 }))).toEqual(close([0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2, 0.2]));
  // A decay longer than the run begins behind the warm-up.
  expect(rates(warmupStableDecay({ ...settings, decaySteps: 100 }))).toEqual(rates(warmupLinear(settings)));
  expect(() => warmupStableDecay({ ...settings, decaySteps: 0 })).toThrow("decaySteps must be a whole number from 1");
});

test("refuses rates and counts of another type", () => {
  const settings = { learningRate: 1, minLearningRate: 0, warmupSteps: 3, steps: 3 };
  for (const name of Object.keys(settings)) {
    for (const value of [-1, NaN, "1", undefined]) {
      expect(() => warmupCosine({ ...settings, [name]: value })).toThrow(`${name} must be a `);
    }
  }
  expect(() => constantSchedule("0.1" as unknown as number)).toThrow('learningRate must be a finite number from 0, not "0.1"');
});

test("constant", () => {
  expect([1, 500].map(constantSchedule(0.3))).toEqual([0.3, 0.3]);
});
