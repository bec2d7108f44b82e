import { beforeEach, expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import { adamwStep, tensor, useBackend, zeros } from "../index.ts";
import type { AdamWStep } from "../index.ts";

beforeEach(async () => useBackend(await cpu()));

const step = (): AdamWStep => ({
  parameters: zeros([4]),
  gradients: zeros([4]),
  firstMoments: zeros([4]),
  secondMoments: zeros([4]),
  gradScale: tensor(1),
  ranges: [{ start: 0, end: 1, weightDecay: 0.1 }, { start: 1, end: 4, weightDecay: 0 }],
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.99,
  epsilon: 1e-8,
  step: 1,
});

test("parameters without a gradient decay in their range alone", () => {
  const call = { ...step(), parameters: tensor([1, 1, 1, 1]) };
  adamwStep(call);
  expect(Array.from(call.parameters.dataSync())).toEqual([Math.fround(0.99), 1, 1, 1]);
});

test.each<[string, () => Partial<AdamWStep>]>([
  ["buckets of several lengths", () => ({ gradients: zeros([5]) })],
  ["buckets that are no vectors", () => ({ parameters: zeros([2, 2]) })],
  ["several scales", () => ({ gradScale: zeros([2]) })],
  ["no ranges", () => ({ ranges: [] })],
  ["a range beyond the end", () => ({ ranges: [{ start: 0, end: 5, weightDecay: 0 }] })],
  ["a range from before the start", () => ({ ranges: [{ start: -1, end: 4, weightDecay: 0 }] })],
  ["a gap", () => ({ ranges: [{ start: 0, end: 1, weightDecay: 0 }, { start: 2, end: 4, weightDecay: 0 }] })],
  ["an overlap", () => ({ ranges: [{ start: 0, end: 3, weightDecay: 0 }, { start: 2, end: 4, weightDecay: 0 }] })],
  ["half an element", () => ({ ranges: [{ start: 0, end: 1.5, weightDecay: 0 }, { start: 1.5, end: 4, weightDecay: 0 }] })],
])("refuses %s", (_, changes) => {
  expect(() => adamwStep({ ...step(), ...changes() })).toThrow(/^adamwStep: /);
});
