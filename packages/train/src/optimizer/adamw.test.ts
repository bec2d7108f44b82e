import { beforeEach, expect, test } from "vitest";
import { add, keep, mul, randn, scope, sum, tensor, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import type { Backend, Tensor } from "@gpt/tensor";
import { GroupedLinear, Linear, parameter } from "@gpt/nn";
import { startBackend, tinyModel } from "../../test/fixtures.ts";
import { AdamW } from "./adamw.ts";
import type { AdamWOptions } from "./adamw.ts";
import type { ParameterList } from "./optimizer.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

const random = (shape: number[], stream: number): Tensor => randn(shape, { key: { seed: [7, 0], stream: [stream, 0] } });

/** Puts values into the gradients, as a backward pass does. */
function setGradients(parameters: readonly Tensor[], gradients: readonly Float32Array[]): void {
  scope(() => {
    parameters.forEach((parameter, i) =>
      sum(mul(parameter, tensor(gradients[i], { shape: parameter.shape }))).backward(),
    );
  });
}

/** AdamW as the paper states it, in float64. */
class PlainAdamW {
  readonly weights: Float64Array[];
  readonly #decays: readonly boolean[];
  readonly #first: Float64Array[];
  readonly #second: Float64Array[];
  #step = 0;

  constructor(parameters: readonly Tensor[]) {
    this.weights = parameters.map((parameter) => Float64Array.from(parameter.dataSync()));
    this.#decays = parameters.map(({ rank }) => rank >= 2);
    this.#first = this.weights.map(({ length }) => new Float64Array(length));
    this.#second = this.weights.map(({ length }) => new Float64Array(length));
  }

  step(gradients: readonly Float32Array[], options: Required<AdamWOptions> & { clip: number }): void {
    const { learningRate, beta1, beta2, epsilon, weightDecay, clip } = options;
    this.#step++;
    const norm = Math.sqrt(gradients.flatMap((values) => [...values]).reduce((total, g) => total + g * g, 0));
    const scale = Math.min(1, clip / (norm + 1e-6));
    this.weights.forEach((weights, i) => {
      const [m, v] = [this.#first[i], this.#second[i]];
      weights.forEach((weight, k) => {
        const g = gradients[i][k] * scale;
        m[k] = beta1 * m[k] + (1 - beta1) * g;
        v[k] = beta2 * v[k] + (1 - beta2) * g * g;
        const update = m[k] / (1 - beta1 ** this.#step) / (Math.sqrt(v[k] / (1 - beta2 ** this.#step)) + epsilon);
        weights[k] = weight - learningRate * (this.#decays[i] ? weightDecay : 0) * weight - learningRate * update;
      });
    });
  }
}

test("agrees with AdamW in float64 over 20 steps, clipped and not; only weights with two axes decay", () => {
  const options = { learningRate: 0.01, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.3 };
  const parameters = [random([3], 0), random([4, 3], 1), random([], 2), random([2, 2, 2], 3)].map(parameter);
  const plain = new PlainAdamW(parameters);
  const optimizer = new AdamW(
    parameters.map((parameter, i) => [`p${i}`, parameter]),
    options,
  );
  for (let step = 1; step <= 20; step++) {
    const gradients = parameters.map(({ shape }, i) => random([...shape], 100 * step + i).dataSync());
    const clip = step % 2 === 0 ? 0.5 : 1000;
    const learningRate = 0.01 / step;
    optimizer.zeroGrad();
    setGradients(parameters, gradients);
    optimizer.learningRate = learningRate;
    optimizer.step({ clip });
    plain.step(gradients, { ...options, learningRate, clip });
    const norm = Math.hypot(...gradients.flatMap((values) => [...values]));
    expect(optimizer.gradientNorm.dataSync()[0]).toBeCloseTo(norm, 4);
  }
  parameters.forEach((parameter, i) => {
    parameter.dataSync().forEach((value, k) => expect(value).toBeCloseTo(plain.weights[i][k], 5));
  });
});

test("multiplies accumulated gradients before it clips", () => {
  const weight = parameter(tensor([0, 0]));
  const optimizer = new AdamW([["weight", weight]], { learningRate: 1, beta1: 0, beta2: 0, epsilon: 1 });
  setGradients([weight], [Float32Array.of(3, 0)]);
  setGradients([weight], [Float32Array.of(3, 8)]);
  optimizer.step({ gradientScale: 0.5, clip: 1 });
  expect(optimizer.gradientNorm.dataSync()[0]).toBeCloseTo(5, 6);
  // With β = 0 and ε = 1 the update is g / (|g| + 1), and g is (3, 4) / 5.
  expect(weight.dataSync()[0]).toBeCloseTo(-0.6 / 1.6, 5);
  expect(weight.dataSync()[1]).toBeCloseTo(-0.8 / 1.8, 5);
});

test("what is left out is as in PyTorch", () => {
  const weight = parameter(tensor([[1, -2]]));
  const optimizer = new AdamW([["weight", weight]], { learningRate: 0.1 });
  for (const gradient of [[0.5, 0.25], [-0.1, 3], [0.2, 0]]) {
    optimizer.zeroGrad();
    setGradients([weight], [Float32Array.from(gradient)]);
    optimizer.step();
  }
  // torch.optim.AdamW([weight], lr=0.1) of PyTorch 1.13, in float64.
  [0.7860354044446134, -2.235067794037].forEach((value, i) => expect(weight.dataSync()[i]).toBeCloseTo(value, 5));
});

/** Gradients, how they are clipped, and what two steps of PyTorch's AdamW in float64 make of ones, with the norm. */
const extremes = [
  { gradients: [2e19, 1, -1e-22], clip: Infinity, after: [0.98, 0.9800000002, 1], norm: 2e19 },
  { gradients: [2e19, 1, -1e-22], clip: 0, after: [0.98, 0.9800000002, 1], norm: 2e19 },
  { gradients: [2e19, 1e19, -1], clip: 1, after: [0.9800000002236069, 0.9800000004472137, 1], norm: 2.2360679774997897e19 },
  { gradients: [2e19, 1e19, -1], clip: 1e19, after: [0.98, 0.98, 1.0199999995527862], norm: 2.2360679774997897e19 },
  { gradients: [3e38, -1e38, 1], clip: 1, after: [0.9800000002108186, 1.0199999993675444, 1], norm: 3.1622776601683796e38 },
  { gradients: [1e-30, -2e-30, 0], clip: 1e-30, after: [1, 1, 1], norm: 2.23606797749979e-30 },
  { gradients: [Infinity, 1, 0], clip: Infinity, after: [NaN, 0.9800000002, 1], norm: Infinity },
  { gradients: [Infinity, 1, 0], clip: 1, after: [NaN, 1, 1], norm: Infinity },
];

test.each(extremes)("gradients $gradients, clipped to $clip, as PyTorch's in float64", async ({ gradients, clip, after, norm }) => {
  for (const start of [cpu, wasm]) {
    useBackend(await start());
    const parameters = gradients.map(() => parameter(tensor([1])));
    const optimizer = new AdamW(parameters.map((parameter, i) => [`p${i}`, parameter]), { learningRate: 0.01, weightDecay: 0 });
    for (let step = 1; step <= 2; step++) {
      optimizer.zeroGrad();
      setGradients(parameters, gradients.map((gradient) => Float32Array.of(gradient)));
      optimizer.step({ clip });
    }
    const [found] = optimizer.gradientNorm.dataSync();
    expect(found / norm || 1).toBeCloseTo(1, 6);
    expect(Number.isFinite(found)).toBe(Number.isFinite(norm));
    parameters.forEach((parameter, i) => {
      const [value] = parameter.dataSync();
      if (Number.isNaN(after[i])) expect(value).toBeNaN();
      else expect(value).toBeCloseTo(after[i], 6);
    });
  }
});

test("lays a model's parameters side by side, a shared one once, and leaves values and handles as they are", () => {
  const model = tinyModel();
  const before = model.parameters().map((parameter) => [...parameter.dataSync()]);
  const handles = model.parameters();
  const optimizer = new AdamW(model.namedParameters(), { learningRate: 0.1 });
  model.parameters().forEach((parameter, i) => expect(parameter).toBe(handles[i]));
  expect(model.parameters().map((parameter) => [...parameter.dataSync()])).toEqual(before);
  expect(new Set(model.parameters().map(({ storage }) => storage)).size).toBe(1);
  const moments = [...optimizer.stateDict().values()];
  expect(moments.reduce((count, { size }) => count + size, 0)).toBe(2 * model.parameterCount());
});

test("decays weights alone where there are no gradients", () => {
  const model = tinyModel();
  const before = new Map(Array.from(model.stateDict(), ([path, tensor]) => [path, tensor.dataSync()]));
  const optimizer = new AdamW(model.namedParameters(), { learningRate: 0.5, weightDecay: 0.2 });
  optimizer.step();
  for (const [path, after] of model.stateDict()) {
    const factor = after.rank >= 2 ? 0.9 : 1;
    after.dataSync().forEach((value, i) => expect(value).toBeCloseTo(factor * before.get(path)![i], 6));
  }
});

test("biases with two axes, those of experts, do not decay", () => {
  const layers = new GroupedLinear(2, 3, 4);
  const before = [layers.weight, layers.bias as Tensor].map((parameter) => parameter.dataSync());
  new AdamW(layers.namedParameters(), { learningRate: 0.5, weightDecay: 0.2 }).step();
  layers.weight.dataSync().forEach((value, i) => expect(value).toBeCloseTo(0.9 * before[0][i], 6));
  expect(layers.bias?.dataSync()).toEqual(before[1]);
});

test("leaves parameters without requiresGrad alone", () => {
  const [trained, frozen] = [parameter(tensor([1])), parameter(tensor([1]))];
  frozen.requiresGrad = false;
  const optimizer = new AdamW(
    [
      ["trained", trained],
      ["frozen", frozen],
    ],
    { learningRate: 0.1 },
  );
  setGradients([trained], [Float32Array.of(1)]);
  optimizer.step();
  expect([...optimizer.stateDict().keys()]).toEqual(["firstMoments.trained", "secondMoments.trained"]);
  expect(trained.dataSync()[0]).toBeCloseTo(0.9, 6);
  expect(frozen.dataSync()[0]).toBe(1);
});

test("names the moments by the parameters' paths, or by their numbers where it is given none", () => {
  const linear = new Linear(2, 3);
  const namesFor = (parameters: ParameterList): string[] => {
    const optimizer = new AdamW(parameters, { learningRate: 1 });
    return [...optimizer.stateDict().keys()];
  };
  const first = namesFor(linear.namedParameters());
  expect(first.filter((name) => name.includes("weight"))).toHaveLength(2);
  expect(namesFor(linear.parameters())).toEqual(first.map((name) => name.replace("weight", "0").replace("bias", "1")));
});

test("goes on from saved moments exactly as without a break", () => {
  const gradients = (step: number) => [random([5], step).dataSync()];
  const whole = parameter(random([5], 0));
  const optimizer = new AdamW([["weight", whole]], { learningRate: 0.1 });
  const advance = (optimizer: AdamW, weight: Tensor, step: number): void => {
    optimizer.zeroGrad();
    setGradients([weight], gradients(step));
    optimizer.step();
  };
  for (let step = 1; step <= 3; step++) advance(optimizer, whole, step);
  const copy = parameter(add(whole.detach(), 0));
  const state = new Map(Array.from(optimizer.stateDict(), ([name, moment]) => [name, keep(add(moment, 0))]));
  const resumed = new AdamW([["weight", copy]], { learningRate: 0.1 });
  resumed.loadStateDict(state, 3);
  for (let step = 4; step <= 6; step++) {
    advance(optimizer, whole, step);
    advance(resumed, copy, step);
  }
  expect(copy.dataSync()).toEqual(whole.dataSync());
});

test("frees what it holds; the parameters live on", () => {
  const before = backend.memory.liveBuffers;
  const model = tinyModel();
  const optimizer = new AdamW(model.namedParameters(), { learningRate: 0.1 });
  optimizer.step();
  optimizer.dispose();
  expect(model.parameters().every(({ grad }) => grad === undefined)).toBe(true);
  expect((model.tokenEmbedding.weight as Tensor).dataSync()).toHaveLength(11 * 8);
  model.dispose();
  expect(backend.memory.liveBuffers).toBe(before);
});

test("refuses states that do not fit, and changes nothing", () => {
  const weight = parameter(tensor([1, 2]));
  const optimizer = new AdamW([["weight", weight]], { learningRate: 0.1 });
  const load = (state: Record<string, Tensor>): void => optimizer.loadStateDict(new Map(Object.entries(state)), 9);
  const moment = tensor([3, 4]);
  const fitting = { "firstMoments.weight": moment, "secondMoments.weight": moment };
  expect(() => load({ "firstMoments.weight": moment })).toThrow("secondMoments.weight is missing");
  expect(() => load({ ...fitting, other: moment })).toThrow('"other" belongs to no parameter');
  expect(() => load({ ...fitting, "secondMoments.weight": tensor([1]) })).toThrow(
    "secondMoments.weight is [1], its parameter [2]",
  );
  expect(optimizer.stepCount).toBe(0);
  expect([...optimizer.stateDict().values()].flatMap((moment) => [...moment.dataSync()])).toEqual([0, 0, 0, 0]);
  load(fitting);
  expect(optimizer.stepCount).toBe(9);
});

test("refuses wrong settings, nothing to train, and gradients that were replaced", () => {
  const weight = parameter(tensor([1]));
  const create = (options: AdamWOptions): AdamW => new AdamW([["weight", weight]], options);
  expect(() => create({ learningRate: -1 })).toThrow("AdamW: learningRate must be a finite number from 0, not -1");
  expect(() => create({ learningRate: NaN })).toThrow("learningRate must be a finite number from 0, not NaN");
  expect(() => create({ learningRate: 1, beta2: 1 })).toThrow("beta2 must be a number from 0 and below 1, not 1");
  expect(() => create({ learningRate: 1, beta1: "0.9" as unknown as number })).toThrow('beta1 must be a number from 0 and below 1, not "0.9"');
  expect(() => create(undefined as unknown as AdamWOptions)).toThrow("options must be an object with a learningRate, not undefined");
  expect(() => new AdamW([], { learningRate: 1 })).toThrow("there are no parameters to train");
  for (const parameters of [[["weight"]], [[weight, "weight"]], undefined, weight, [undefined]]) {
    expect(() => new AdamW(parameters as unknown as [], { learningRate: 1 })).toThrow(
      "parameters must be tensors, or pairs of path and tensor, as parameters() and namedParameters() give them",
    );
  }
  const optimizer = create({ learningRate: 1 });
  expect(() => optimizer.step({ clip: -1 })).toThrow("clip must be a number from 0, not -1");
  expect(() => optimizer.step({ gradientScale: "1" as unknown as number })).toThrow('gradientScale must be a finite number from 0, not "1"');
  optimizer.learningRate = NaN;
  expect(() => optimizer.step()).toThrow("learningRate must be a finite number from 0, not NaN");
  optimizer.learningRate = 1;
  weight.grad = undefined;
  expect(() => optimizer.step()).toThrow("the gradient of weight was replaced");
});
