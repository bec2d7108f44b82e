import { beforeEach, expect, test } from "vitest";
import { scope, sum, mul, tensor, useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { parameter } from "@gpt/nn";
import { SGD } from "./sgd.ts";
import type { SGDOptions } from "./sgd.ts";

const start = [1, -2, 0.5];
const gradients = [[0.5, -1.25, 2], [-0.75, 0.25, 1.5], [1, -0.5, -0.25], [0.125, 2.5, -1]];

/** What four steps of torch.optim.SGD make of `start` in float64 (PyTorch 1.13), with a learning rate of 0.1. */
const expected: readonly (readonly [options: Omit<SGDOptions, "learningRate">, after: readonly number[]])[] = [
  [{}, [0.9125, -2.1, 0.275]],
  [{ weightDecay: 0.1 }, [0.87408856, -2.024907145, 0.263973205]],
  [{ momentum: 0.9 }, [0.8288, -1.792875, -0.4468]],
  [{ momentum: 0.9, dampening: 0.25, weightDecay: 0.1 }, [0.755423905, -1.594318281484375, -0.403270430703125]],
  [{ momentum: 0.8, nesterov: true, weightDecay: 0.05 }, [0.737215987571, -1.887491559947, -0.3775246750795]],
];

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

function takeStep(optimizer: SGD, parameters: readonly Tensor[], gradient: readonly number[]): void {
  optimizer.zeroGrad();
  scope(() => parameters.forEach((parameter, i) => sum(mul(parameter, gradient[i])).backward()));
  optimizer.step();
}

const scalars = (): Tensor[] => start.map((value) => parameter(tensor([value])));
const named = (parameters: readonly Tensor[]) => parameters.map((parameter, i) => [`p${i}`, parameter] as const);

test.each(expected)("with %o, as PyTorch", async (options, after) => {
  for (const backend of [await cpu(), await wasm()]) {
    useBackend(backend);
    const parameters = scalars();
    const optimizer = new SGD(named(parameters), { learningRate: 0.1, ...options });
    for (const gradient of gradients) takeStep(optimizer, parameters, gradient);
    parameters.forEach((parameter, i) => expect(parameter.dataSync()[0]).toBeCloseTo(after[i], 6));
    optimizer.dispose();
    for (const parameter of parameters) parameter.dispose();
    expect(backend.memory.liveBuffers).toBe(0);
  }
});

test("goes on from its state as if it had not been interrupted", () => {
  const options = { learningRate: 0.1, momentum: 0.9, dampening: 0.25, weightDecay: 0.1 };
  const first = scalars();
  const before = new SGD(named(first), options);
  for (const gradient of gradients.slice(0, 2)) takeStep(before, first, gradient);
  const second = first.map((x) => parameter(tensor(x.dataSync())));
  const after = new SGD(named(second), options);
  after.loadStateDict(before.stateDict(), before.stepCount);
  for (const gradient of gradients.slice(2)) takeStep(after, second, gradient);
  second.forEach((parameter, i) => expect(parameter.dataSync()[0]).toBeCloseTo(expected[3][1][i], 6));
  expect([...after.stateDict().keys()]).toEqual(["momentumBuffers.p0", "momentumBuffers.p1", "momentumBuffers.p2"]);
});

test.each<[string, SGDOptions]>([
  ["nesterov needs a momentum above 0 and no dampening", { learningRate: 0.1, nesterov: true }],
  ["nesterov needs a momentum above 0 and no dampening", { learningRate: 0.1, momentum: 0.9, dampening: 0.1, nesterov: true }],
  ["momentum must be a finite number from 0, not -1", { learningRate: 0.1, momentum: -1 }],
  ["learningRate must be a finite number from 0, not undefined", {} as SGDOptions],
])("refuses: %s", (message, options) => {
  expect(() => new SGD(named(scalars()), options)).toThrow(`SGD: ${message}`);
});
