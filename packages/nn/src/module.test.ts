import { beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import {
  add, gelu, manualSeed, noGrad, relu, scope, sigmoid, silu, sum, tanh, tensor, useBackend, zeros,
} from "@gpt/tensor";
import type { Backend, PackedWeight, Tensor, Weight } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import {
  construct, Dropout, Embedding, GELU, GroupedLinear, LayerNorm, Linear, Module, parameter, RandomKeys, ReLU, RMSNorm, Sequential,
  Sigmoid, SiLU, Tanh,
} from "./index.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

class Layer extends Module {
  readonly linear: Linear;
  readonly dropout: Dropout;
  constructor(random: RandomKeys) {
    super();
    this.linear = new Linear(3, 3, { random, std: 1 });
    this.dropout = new Dropout(0.5, random);
  }
  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.linear.forward(x));
  }
}

class Model extends Module {
  readonly random = new RandomKeys(7);
  readonly embedding = new Embedding(5, 3, { random: this.random, std: 1 });
  readonly layers = [new Layer(this.random), new Layer(this.random)];
  readonly norm = new LayerNorm(3);
  readonly tied = this.embedding.weight;
}

test("names parameters by path, a shared one once", () => {
  expect([...new Model().stateDict().keys()].sort()).toEqual([
    "layers.0.linear.bias",
    "layers.0.linear.weight",
    "layers.1.linear.bias",
    "layers.1.linear.weight",
    "norm.bias",
    "norm.weight",
    "tied",
  ]);
  expect(new Model().parameterCount()).toBe(15 + 2 * 12 + 6);
});

test("copies a state of the same names and shapes", () => {
  const [a, b] = [new Model(), new Model()];
  a.getSubmodule("norm").parameters()[0].backend.write(a.norm.weight, Float32Array.of(4, 5, 6));
  b.loadStateDict(a.stateDict());
  expect([...b.norm.weight.dataSync()]).toEqual([4, 5, 6]);
});

test("refuses a state that does not fit, and changes nothing", () => {
  const model = new Model();
  const state = new Map(model.stateDict());
  state.delete("norm.bias");
  state.set("norm.gamma", zeros([3]));
  expect(() => model.loadStateDict(state)).toThrowErrorMatchingInlineSnapshot(
    `[ModuleError: loadStateDict: the state does not fit the module; missing: "norm.bias"; unexpected: "norm.gamma"]`,
  );
  const wrong = new Map(model.stateDict()).set("norm.bias", zeros([4]));
  expect(() => model.loadStateDict(wrong)).toThrowErrorMatchingInlineSnapshot(
    `[ModuleError: loadStateDict: norm.bias is [4], the module has [3]]`,
  );
});

test("finds and replaces parts by path", () => {
  const model = new Model();
  const replacement = new Linear(3, 3, { bias: false });
  const old = model.setSubmodule("layers.1.linear", replacement);
  expect(old).toBeInstanceOf(Linear);
  expect(model.getSubmodule("layers.1.linear")).toBe(replacement);
  expect(() => model.getSubmodule("layers.2.linear")).toThrow('there is no part "layers.2.linear" in this Model');
  expect(() => model.setSubmodule("", replacement)).toThrow("the path is empty");
});

test("layers begin as in PyTorch: between ±1/√inputs, tables with mean 0 and std 1", async () => {
  manualSeed(1);
  const meanSquare = (values: Float32Array): number => values.reduce((sum, x) => sum + x * x, 0) / values.length;
  const { weight, bias } = new Linear(100, 200);
  for (const tensor of [weight, bias as Tensor]) {
    const values = tensor.dataSync();
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(0.1);
    // The variance of a uniform distribution is a third of its bound squared; five standard errors.
    const error = (5 * Math.sqrt(4 / 5)) / Math.sqrt(values.length);
    expect(Math.abs(meanSquare(values) / (0.01 / 3) - 1)).toBeLessThan(error);
    expect(tensor.requiresGrad).toBe(true);
  }
  const table = new Embedding(200, 100).weight.dataSync();
  expect(Math.abs(meanSquare(table) - 1)).toBeLessThan((5 * Math.SQRT2) / Math.sqrt(table.length));
  expect(new Linear(2, 2).weight.dataSync()).not.toEqual(new Linear(2, 2).weight.dataSync());
  manualSeed(1);
  expect(new Linear(100, 200).weight.dataSync()).toEqual(weight.dataSync());
  expect(new Linear(2, 2, { bias: false }).bias).toBeUndefined();
  const seeded = () => ({ random: new RandomKeys(3) });
  expect(new Linear(2, 2, seeded()).weight.dataSync()).toEqual(new Linear(2, 2, seeded()).weight.dataSync());
  const plain = new Linear(64, 3, seeded()).weight.dataSync();
  const packed = await new Linear<PackedWeight>(64, 3, { ...seeded(), dtype: "f16" }).weight.data();
  packed.forEach((value, i) => expect(value).toBeCloseTo(plain[i], 4));
});

test("a weight is a tensor, unless it is stored in fewer bits", () => {
  const layer = new Linear(2, 3);
  expect(add(layer.weight, 1).shape).toEqual([3, 2]);
  expectTypeOf(layer.weight).toEqualTypeOf<Tensor>();
  const packed = new Linear<PackedWeight>(2, 3, { dtype: "int8" });
  expectTypeOf(packed.weight).toEqualTypeOf<PackedWeight>();
  const either: Linear<Weight> = layer;
  expectTypeOf(either.weight).toEqualTypeOf<Weight>();
  // @ts-expect-error: the type says f32
  new Linear(2, 3, { dtype: "int8" });
  // @ts-expect-error: the type says fewer bits
  new Linear<PackedWeight>(2, 3);
  // @ts-expect-error: a packed weight has no sums
  expect(() => add(packed.weight, 1)).toThrow("expected a tensor");
});

describe("sequential", () => {
  test("applies its layers one after the other, by PyTorch's paths", () => {
    const network = new Sequential(new Embedding(5, 2), new Linear(2, 3), new SiLU(), new Linear(3, 1, { bias: false }));
    expect([...network.stateDict().keys()]).toEqual(["0.weight", "1.weight", "1.bias", "3.weight"]);
    const ids = tensor(Int32Array.of(4, 0));
    const before = backend.memory.liveBuffers;
    noGrad(() => network.forward(ids)).dispose();
    expect(backend.memory.liveBuffers).toBe(before);
    const y = network.forward(ids);
    expect(y.shape).toEqual([2, 1]);
    sum(y).backward();
    expect(network.parameters().every(({ grad }) => grad !== undefined)).toBe(true);
    network.setSubmodule("2", new ReLU());
    expect(network[2]).toBeInstanceOf(ReLU);
    expect(network.forward(ids).dataSync()).not.toEqual(y.dataSync());
    expect(() => network.setSubmodule("2", new Model())).toThrow("setSubmodule: the module has no forward");
    expect(() => new Sequential(new Linear(2, 2), new Model() as never)).toThrow("Sequential: layer 1 must be a module with");
  });

  test.each([[GELU, gelu], [ReLU, relu], [Sigmoid, sigmoid], [SiLU, silu], [Tanh, tanh]])("%o is its op", (Activation, op) => {
    const x = tensor([-2, -0.5, 0, 3]);
    expect(new Activation().forward(x).dataSync()).toEqual(op(x).dataSync());
  });
});

describe("dropout", () => {
  test("is active while training alone, and the same again for the same step", () => {
    const model = new Model();
    const x = tensor(new Float32Array(300).fill(1), { shape: [100, 3] });
    const dropped = (step: number): number[] => {
      model.random.startStep(step);
      return Array.from(model.layers[0].dropout.forward(x).dataSync());
    };
    expect(new Set(dropped(1))).toEqual(new Set([0, 2]));
    expect(dropped(1)).toEqual(dropped(1));
    expect(dropped(2)).not.toEqual(dropped(1));
    model.eval();
    expect(model.layers[1].dropout.training).toBe(false);
    expect(model.layers[0].dropout.forward(x)).toBe(x);
  });
});

describe("weights in fewer bits", () => {
  class Packed extends Module {
    readonly embedding: Embedding<Weight>;
    readonly linear: Linear<Weight>;
    constructor(dtype?: "int8") {
      super();
      const random = new RandomKeys(3);
      this.embedding = new Embedding(5, 40, { random, std: 1, dtype });
      this.linear = new Linear(40, 3, { random, std: 1, dtype });
    }
  }

  test("are drawn as those of f32 are, used like them, and are no parameters", async () => {
    const [stored, plain] = [new Packed("int8"), new Packed()];
    expect([...stored.namedWeights()].map(([path]) => path)).toEqual(["embedding.weight", "linear.weight", "linear.bias"]);
    expect([...stored.namedParameters()].map(([path]) => path)).toEqual(["linear.bias"]);
    expect(stored.parameterCount()).toBe(plain.parameterCount());
    for (const [path, weight] of stored.namedWeights()) {
      const [values, expected] = [await weight.data(), await (plain.stateDict().get(path) as Tensor).data()];
      values.forEach((value, i) => expect(value).toBeCloseTo(expected[i], 1));
    }
    const ids = tensor(Int32Array.of(4, 0));
    const run = (model: Packed): Float32Array =>
      scope(() => model.linear.forward(model.embedding.forward(ids)).dataSync());
    const difference = run(stored).map((value, i) => value - run(plain)[i]);
    expect(Math.hypot(...difference) / Math.hypot(...run(plain))).toBeLessThan(0.02);
  });

  test("are refused where tensors are asked for, and freed with the module", () => {
    const before = backend.memory.liveBuffers;
    const stored = new Packed("int8");
    expect(() => stored.stateDict()).toThrowErrorMatchingInlineSnapshot(`[ModuleError: stateDict: embedding.weight is stored as int8, and so no tensor; use namedWeights, or f32 weights]`);
    stored.dispose();
    expect(backend.memory.liveBuffers).toBe(before);
    const fail = (): never => {
      throw new RangeError("no memory");
    };
    expect(() => construct(() => [new Packed("int8"), fail()])).toThrow("no memory");
    expect(backend.memory.liveBuffers).toBe(before);
  });
});

test("grouped layers give each row what its own linear layer would", () => {
  const grouped = new GroupedLinear<Weight>(3, 4, 2, { random: new RandomKeys(3) });
  const rows = tensor([[1, 2, 3, 4], [5, 6, 7, 8], [9, 8, 7, 6], [5, 4, 3, 2]]);
  const layers = tensor(Int32Array.of(2, 0, 2, 1));
  const out = grouped.forward(rows, layers).dataSync();
  [2, 0, 2, 1].forEach((layer, row) => {
    const single = new Linear(4, 2);
    const part = (x: Tensor, size: number) => x.dataSync().subarray(layer * size, (layer + 1) * size);
    backend.write(single.weight, part(grouped.weight as Tensor, 8));
    backend.write(single.bias as Tensor, part(grouped.bias as Tensor, 2));
    const expected = single.forward(rows).dataSync().subarray(2 * row, 2 * row + 2);
    out.subarray(2 * row, 2 * row + 2).forEach((value, i) => expect(value).toBeCloseTo(expected[i], 5));
  });
  const packed = new GroupedLinear<PackedWeight>(3, 64, 2, { dtype: "int8", bias: false });
  expect(packed.weight.shape).toEqual([3, 2, 64]);
  expect(packed.forward(zeros([1, 64]), tensor(Int32Array.of(1))).shape).toEqual([1, 2]);
  expect([...packed.namedParameters()]).toEqual([]);
});

test("RMS norms have a gain and no bias", () => {
  const norm = new RMSNorm(4, { epsilon: 0 });
  expect([...norm.stateDict().keys()]).toEqual(["weight"]);
  backend.write(norm.weight, Float32Array.of(1, 2, 3, 4));
  const out = norm.forward(tensor([[2, -2, 2, -2]])).dataSync();
  expect([...out]).toEqual([1, -2, 3, -4]);
});

test("layers share a matrix, which is one weight of their module", () => {
  class Tied extends Module {
    readonly table = new Embedding(5, 3, { random: new RandomKeys(7), std: 1 });
    readonly head = new Linear(3, 5, { weight: this.table.weight, bias: false });
  }
  const model = new Tied();
  expect([...model.stateDict().keys()]).toEqual(["table.weight"]);
  sum(model.head.forward(model.table.forward(tensor(Int32Array.of(4))))).backward();
  expect(model.table.weight.grad?.shape).toEqual([5, 3]);
  expect(() => new Linear(5, 3, { weight: model.table.weight })).toThrow("Linear: weight must be a weight [3, 5], not an object");
  model.dispose();
  expect(model.head.weight.disposed).toBe(true);
});

test("parameters survive the scope in which their module is made, and are freed with it", () => {
  const model = scope(() => new Model());
  scope(() => {
    sum(model.norm.forward(model.embedding.weight)).backward();
  });
  expect(model.norm.weight.grad?.shape).toEqual([3]);
  model.dispose();
  expect(backend.memory.liveBuffers).toBe(0);
});

test("parts are freed by their own dispose", () => {
  const freed: string[] = [];
  class Held extends Linear {
    override dispose(): void {
      super.dispose();
      freed.push("held");
    }
  }
  const model = new Sequential(new Held(2, 2), new ReLU());
  model.dispose();
  expect(freed).toEqual(["held"]);
  expect(backend.memory.liveBuffers).toBe(0);
});

test("where memory runs out, parameters that were made are freed, those of a finished part with them", () => {
  const before = backend.memory.liveBuffers;
  const parts = construct(() => [new LayerNorm(2), construct(() => new LayerNorm(2))]);
  expect(backend.memory.liveBuffers).toBe(before + 4);
  for (const part of parts) part.dispose();
  const fail = (): never => {
    throw new RangeError("no memory");
  };
  expect(() => construct(() => [new LayerNorm(2), construct(() => new LayerNorm(2)), fail()])).toThrow("no memory");
  expect(backend.memory.liveBuffers).toBe(before);
  const alone = new LayerNorm(2);
  expect(() => construct(fail)).toThrow("no memory");
  expect(alone.weight.dataSync()).toEqual(Float32Array.of(1, 1));
});

test.each([-1, 0.5, 2 ** 53, NaN])("a seed is no %s", (seed) => {
  expect(() => new RandomKeys(seed)).toThrow(
    expect.objectContaining({
      code: "invalid-argument",
      message: `a seed must be a whole number from 0 to 2^53 - 1, not ${seed}`,
    }),
  );
});

describe("evaluating", () => {
  test("puts all parts into evaluation mode for one computation, and each back into its own", () => {
    const model = new Model();
    model.layers[0].eval();
    const modes = (): boolean[] => [...model.modules()].map(({ training }) => training);
    const before = modes();
    expect(new Set(before)).toEqual(new Set([true, false]));
    expect(model.evaluating(() => modes().some(Boolean))).toBe(false);
    expect(modes()).toEqual(before);
    expect(() =>
      model.evaluating(() => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(modes()).toEqual(before);
  });

  test("refuses a function that is asynchronous", () => {
    const model = new Model();
    expect(() => model.evaluating(async () => 1)).toThrow("evaluating: the function is asynchronous");
    expect(model.training).toBe(true);
  });
});

describe("arguments of the wrong kind are answered with what was expected", () => {
  const random = new RandomKeys(1);
  const initialization = { random, std: 1 };
  const wrong = <T>(value: unknown): T => value as T;
  test.each<[string, () => unknown]>([
    ["a seed must be a whole number from 0 to 2^53 - 1, not \"1\"", () => new RandomKeys(wrong("1"))],
    ["startStep: the step must be a whole number from 0 to 4294967295, not -1", () => random.startStep(-1)],
    ["Linear: inputs must be a whole number from 1, not \"3\"", () => new Linear(wrong("3"), 3, initialization)],
    ["Linear: outputs must be a whole number from 1, not 0", () => new Linear(3, 0, initialization)],
    ["Linear: options must be an object, not 3", () => new Linear(3, 3, wrong(3))],
    ["Linear: random must be RandomKeys, not 7", () => new Linear(3, 3, wrong({ random: 7, std: 1 }))],
    ["Linear: std must be a finite number from 0, not NaN", () => new Linear(3, 3, { random, std: NaN })],
    ["Embedding: entries must be a whole number from 1, not 1.5", () => new Embedding(1.5, 3, initialization)],
    ["LayerNorm: dim must be a whole number from 1, not undefined", () => new LayerNorm(wrong(undefined))],
    ["LayerNorm: epsilon must be a finite number from 0, not -1", () => new LayerNorm(3, { epsilon: -1 })],
    ["RMSNorm: dim must be a whole number from 1, not 0", () => new RMSNorm(0)],
    ["RMSNorm: epsilon must be a finite number from 0, not Infinity", () => new RMSNorm(3, { epsilon: Infinity })],
    ["GroupedLinear: layers must be a whole number from 1, not 0", () => new GroupedLinear(0, 3, 3)],
    ["GroupedLinear: outputs must be a whole number from 1, not 2.5", () => new GroupedLinear(2, 3, 2.5)],
    ["GroupedLinear: bias must be true or false, not \"yes\"", () => new GroupedLinear(2, 3, 3, wrong({ bias: "yes" }))],
    ["Dropout: the probability must be a number from 0 and below 1, not 1", () => new Dropout(1, random)],
    ["Dropout: random must be RandomKeys, not 3", () => new Dropout(0.5, wrong(3))],
    ["parameter: the values must be a tensor of f32, not a list", () => parameter(wrong([1]))],
    ["construct must be a function, not null", () => construct(wrong(null))],
    ["train must be true or false, not \"no\"", () => new Model().train(wrong("no"))],
    ["getSubmodule: the path must be a text, not 3", () => new Model().getSubmodule(wrong(3))],
    ["setSubmodule: the module must be a module, not an object", () => new Model().setSubmodule("norm", wrong({}))],
    ["loadStateDict: the state must be a Map from paths to tensors, not an object", () => new Model().loadStateDict(wrong({}))],
  ])("%s", (message, call) => {
    expect(call).toThrow(expect.objectContaining({ name: "ModuleError", message }));
  });
});
