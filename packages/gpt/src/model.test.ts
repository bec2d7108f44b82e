import { beforeEach, describe, expect, test } from "vitest";
import {
  add, concat, copyInto, crossEntropy, mul, noGrad, randn, scope, slice, sum, tensor, useBackend, weightDTypes,
} from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { Linear } from "@gpt/nn";
import { KeyValueCache } from "./cache.ts";
import { describeModel } from "./describe.ts";
import type { Hooks } from "./hooks.ts";
import { GPT } from "./model.ts";
import { architectures, compositions, idsOf, largestDifference, tiny } from "../test/fixtures.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const rows = [
  [1, 2, 3, 4, 5, 6],
  [12, 0, 7, 7, 3, 1],
];
const following = [
  [2, 3, 4, 5, 6, 7],
  [0, 7, 7, 3, 1, -100],
];

function lossOf(model: GPT): Tensor {
  return scope(() => model.loss(idsOf(rows), idsOf(following)));
}

function valueOfLoss(model: GPT): number {
  return scope(() => noGrad(() => lossOf(model).dataSync()[0]));
}

describe.each(Object.entries({ ...architectures, ...compositions }))("%s", (_, options) => {
  test("gradients of all parameters agree with finite differences", () => {
    const model = new GPT(options, { seed: 1 });
    scope(() => lossOf(model).backward());
    [...model.namedParameters()].forEach(([path, parameter], index) => {
      const gradient = (parameter.grad as Tensor).dataSync();
      const along = Float32Array.from(gradient, (g) => g / Math.hypot(...gradient));
      const random = scope(() => randn([parameter.size], { key: { seed: [9, 9], stream: [0, index] } }).dataSync());
      const length = Math.hypot(...random);
      for (const direction of [along, random.map((value) => value / length)]) {
        const expected = direction.reduce((total, d, i) => total + d * gradient[i], 0);
        const actual = derivative(model, parameter, direction);
        expect(Math.abs(actual - expected), path).toBeLessThan(1e-3 + 0.005 * Math.abs(expected));
      }
    });
  });

  test("a token's logits depend on it and on those before it, not on those behind it", () => {
    const model = new GPT(options, { seed: 2 });
    const [a, b] = [
      [1, 2, 3, 4, 5],
      [1, 2, 3, 9, 5],
    ].map((ids) => scope(() => model.forward(idsOf([ids])).dataSync()));
    const { vocabSize } = model.config;
    for (let t = 0; t < 5; t++) {
      const at = (logits: Float32Array): Float32Array => logits.subarray(t * vocabSize, (t + 1) * vocabSize);
      if (t < 3) expect(at(a)).toEqual(at(b));
      else expect(largestDifference(at(a), at(b))).toBeGreaterThan(0.01);
    }
  });

  test("the order of tokens matters", () => {
    const model = new GPT(options, { seed: 2 });
    const last = (ids: number[]): Float32Array =>
      scope(() =>
        model
          .forward(idsOf([ids]))
          .dataSync()
          .slice(-13),
      );
    expect(largestDifference(last([1, 2, 3]), last([2, 1, 3]))).toBeGreaterThan(0.01);
  });

  test("sequences of a batch do not see each other", () => {
    const model = new GPT(options, { seed: 2 });
    const both = scope(() => model.forward(idsOf(rows)).dataSync());
    const second = scope(() => model.forward(idsOf([rows[1]])).dataSync());
    expect(largestDifference(both.slice(both.length / 2), second)).toBeLessThan(1e-5);
  });

  test("leaves no buffer behind", () => {
    const model = new GPT(options);
    const before = backend.memory.liveBuffers;
    expect(before).toBe(model.parameters().length);
    valueOfLoss(model);
    scope(() => lossOf(model).dispose());
    expect(backend.memory.liveBuffers).toBe(before);
    scope(() => lossOf(model).backward());
    expect(backend.memory.liveBuffers).toBe(2 * before); // A gradient for each parameter.
    model.dispose();
    expect(backend.memory.liveBuffers).toBe(0);
  });
});

/** The slope of the loss along a direction, by central differences. */
function derivative(model: GPT, parameter: Tensor, direction: Float32Array): number {
  const original = parameter.dataSync();
  const step = 0.002;
  const [above, below] = [step, -step].map((distance) => {
    backend.write(
      parameter,
      original.map((value, i) => value + distance * direction[i]),
    );
    return valueOfLoss(model);
  });
  backend.write(parameter, original);
  return (above - below) / (2 * step);
}

test("between blocks nothing but the residual stream is alive: inference takes as much with more of them", async () => {
  const peaks: number[] = [];
  for (const layers of [2, 3, 9]) {
    const backend = await cpu();
    useBackend(backend);
    const model = new GPT({ ...tiny, layers });
    const weights = backend.memory.liveBytes;
    valueOfLoss(model);
    peaks.push(backend.memory.peakBytes - weights);
  }
  expect(peaks).toEqual([peaks[0], peaks[0], peaks[0]]);
});

describe("initial weights", () => {
  test("predict every token alike: the loss is ln(vocabulary)", () => {
    const model = new GPT({ vocabSize: 200, contextLength: 16, layers: 3, heads: 4, dim: 64 });
    const ids = Array.from({ length: 16 }, (_, i) => (i * 37) % 200);
    const targets = ids.map((id) => (id + 91) % 200);
    const loss = scope(() => noGrad(() => model.loss(idsOf([ids]), idsOf([targets])).dataSync()[0]));
    expect(loss).toBeGreaterThan(Math.log(200) - 0.1);
    expect(loss).toBeLessThan(Math.log(200) + 0.1);
  });

  test("have the deviations of GPT-2", () => {
    const model = new GPT({ vocabSize: 100, contextLength: 50, layers: 2, heads: 2, dim: 64 });
    const std = (path: string): number => {
      const values = (model.stateDict().get(path) as Tensor).dataSync();
      return Math.sqrt(values.reduce((total, value) => total + value * value, 0) / values.length);
    };
    expect(std("tokenEmbedding.weight")).toBeCloseTo(0.02, 3);
    expect(std("positionEmbedding.weight")).toBeCloseTo(0.01, 3);
    expect(std("blocks.1.attention.qkv.weight")).toBeCloseTo(0.02, 3);
    expect(std("blocks.1.attention.projection.weight")).toBeCloseTo(0.01, 3);
    expect(std("blocks.0.mlp.down.weight")).toBeCloseTo(0.01, 3);
    expect(std("blocks.0.mlpNorm.weight")).toBe(1);
    expect(std("blocks.0.attention.qkv.bias")).toBe(0);
  });

  test("are a function of the seed", () => {
    const weights = (seed: number): number[][] => new GPT(tiny, { seed }).parameters().map((p) => [...p.dataSync()]);
    expect(weights(5)).toEqual(weights(5));
    expect(weights(5)).not.toEqual(weights(6));
  });
});

describe("dropout", () => {
  const loss = (model: GPT, step: number): number => {
    model.random.startStep(step);
    return valueOfLoss(model);
  };

  test.each(["dropout", "embeddingDropout", "attentionDropout"])("%s acts in training alone", (setting) => {
    const options = { ...tiny, [setting]: 0.5 };
    const [model, plain] = [new GPT(options, { seed: 1 }), new GPT(tiny, { seed: 1 })];
    expect(loss(model, 1)).not.toBeCloseTo(loss(plain, 1), 3);
    expect(loss(model, 1)).toBe(loss(model, 1));
    expect(loss(model, 2)).not.toBe(loss(model, 1));
    model.eval();
    expect(loss(model, 1)).toBeCloseTo(loss(plain, 1), 5);
    model.train();
    expect(loss(model, 1)).not.toBeCloseTo(loss(plain, 1), 3);
  });

  test("gradients through dropout agree with finite differences", () => {
    const model = new GPT({ ...tiny, dropout: 0.2, attentionDropout: 0.2 }, { seed: 3 });
    model.random.startStep(1);
    scope(() => lossOf(model).backward());
    const weight = model.stateDict().get("blocks.0.attention.qkv.weight") as Tensor;
    const gradient = (weight.grad as Tensor).dataSync();
    const length = Math.hypot(...gradient);
    const step = 0.005;
    const [above, below] = [step, -step].map((distance) => {
      scope(() => noGrad(() => copyInto(weight, add(weight, mul(weight.grad as Tensor, distance / length)))));
      const value = loss(model, 1);
      scope(() => noGrad(() => copyInto(weight, add(weight, mul(weight.grad as Tensor, -distance / length)))));
      return value;
    });
    expect((above - below) / (2 * step)).toBeCloseTo(length, 2);
  });
});

describe("sinusoidal positions", () => {
  test("are the waves of Vaswani et al.", () => {
    const model = new GPT({ ...tiny, positions: "sinusoidal" }, { weights: "zeros" });
    const embedded: Float32Array[] = [];
    scope(() => model.hidden(idsOf([[0, 0, 0]]), { hooks: { embed: (x) => void embedded.push(x.dataSync()) } }));
    const expected = [0, 1, 2].flatMap((p) =>
      [0, 1, 2, 3].flatMap((i) => [Math.sin(p / 10_000 ** (i / 4)), Math.cos(p / 10_000 ** (i / 4))]),
    );
    expect(largestDifference(embedded[0], Float32Array.from(expected))).toBeLessThan(1e-6);
    expect([...model.stateDict().keys()]).not.toContain("positionEmbedding.weight");
  });
});

describe("says what is wrong", () => {
  test("with ids of another shape", () => {
    const model = new GPT(tiny);
    expect(() => model.forward(tensor(Int32Array.of(1, 2)))).toThrow("ids are [2], expected [sequences, tokens]");
    expect(() => model.forward(idsOf([[]]))).toThrow("ids are [1, 0], expected [sequences, tokens], of 1 or more");
  });

  test("with more tokens than the context", () => {
    const model = new GPT(tiny);
    expect(() => model.forward(idsOf([[1, 2, 3, 4, 5, 6, 7, 8, 9]]))).toThrow(
      "9 tokens exceed the model's context of 8; pass fewer",
    );
  });

  test("with a token outside of the vocabulary", () => {
    const model = new GPT(tiny);
    expect(() => scope(() => model.forward(idsOf([[1, 13]])))).toThrow(
      "embedding: id 13 at position 1 is outside the table's 13 entries (0 to 12)",
    );
    expect(() => scope(() => model.forward(idsOf([[-1, 1]])))).toThrow("-1");
  });

  test("with targets of another shape", () => {
    const model = new GPT(tiny);
    expect(() => scope(() => model.loss(idsOf([[1, 2]]), idsOf([[1, 2, 3]])))).toThrow(
      "linearCrossEntropy: x [1, 2, 8] needs targets [1, 2], got [1, 3]",
    );
  });

  test("and frees what the failed pass had made", () => {
    const model = new GPT(tiny);
    const before = backend.memory.liveBuffers;
    const fail = (): never => {
      throw new Error("stop");
    };
    expect(() => scope(() => model.forward(idsOf(rows), { hooks: { "blocks.1.mlp.hidden": fail } }))).toThrow("stop");
    expect(backend.memory.liveBuffers).toBe(before);
  });
});

describe("the loss of more tokens than fit one chunk of logits", () => {
  const [B, T, vocabSize] = [4, 300, 4099];
  const options = { vocabSize, contextLength: T, layers: 1, heads: 2, dim: 8 };
  const ids = Array.from({ length: B }, (_, b) => Array.from({ length: T }, (_, t) => (b * 1237 + t * t) % vocabSize));
  const targets = ids.map((row) => row.map((id, t) => (t % 7 === 0 ? -100 : (id * 31 + t) % vocabSize)));
  let backend: Backend;
  beforeEach(async () => useBackend((backend = await wasm())));

  const lossAlone = (model: GPT): Tensor => model.loss(idsOf(ids), idsOf(targets));

  /** The loss and the gradients. */
  const pass = (model: GPT, hooks?: Hooks): Float32Array[] => {
    const loss = scope(() => {
      const loss = model.loss(idsOf(ids), idsOf(targets), { hooks });
      loss.backward();
      return loss.dataSync();
    });
    return [loss, ...model.parameters().map(({ grad }) => (grad as Tensor).dataSync())];
  };

  test.each([
    { tiedHead: true, dtype: "f32" },
    { tiedHead: false, dtype: "f32" },
    { tiedHead: true, dtype: "int8" },
    { tiedHead: false, dtype: "bf16" },
  ] as const)("is that of all logits together, as are its gradients: %o", ({ tiedHead, dtype }) => {
    const chunked = pass(new GPT({ ...options, tiedHead }, { seed: 1, dtype }));
    const whole = pass(new GPT({ ...options, tiedHead }, { seed: 1, dtype }), { logits: () => undefined });
    expect(chunked).toHaveLength(whole.length);
    chunked.forEach((values, i) => {
      const error = Math.hypot(...values.map((value, j) => value - whole[i][j]));
      expect(error).toBeLessThan(1e-5 * Math.hypot(...whole[i]) + 1e-9);
    });
  });

  test.each([
    { what: "evaluates", dtype: "f32", run: (model: GPT) => scope(() => noGrad(() => void lossAlone(model))) },
    { what: "evaluates", dtype: "int8", run: (model: GPT) => scope(() => noGrad(() => void lossAlone(model))) },
    { what: "trains", dtype: "f32", run: (model: GPT) => void pass(model) },
  ] as const)("$what as $dtype in a fraction of the memory that all logits take", ({ dtype, run }) => {
    const model = new GPT(options, { dtype });
    const before = backend.memory.liveBytes;
    run(model);
    expect(backend.memory.peakBytes - before).toBeLessThan((B * T * vocabSize * 4) / 3);
  });
});

test("the loss is that of another module in the head's place", () => {
  const model = new GPT({ ...tiny, tiedHead: false }, { seed: 1 });
  const plain = valueOfLoss(model);
  const head = new Linear(8, 13, { random: model.random, std: 0.02 });
  backend.write(head.bias as Tensor, Float32Array.from({ length: 13 }, (_, i) => i));
  model.setSubmodule("head", head);
  const logits = scope(() => noGrad(() => crossEntropy(model.forward(idsOf(rows)), idsOf(following)).dataSync()[0]));
  expect(valueOfLoss(model)).toBe(logits);
  expect(Math.abs(logits - plain)).toBeGreaterThan(1);
});

test("a tied head is a module with the embedding's weight, and can be replaced by itself", () => {
  const model = new GPT(tiny, { seed: 1 });
  expect(model.head.weight).toBe(model.tokenEmbedding.weight);
  expect(model.backend).toBe(backend);
  const plain = valueOfLoss(model);
  const head = new Linear(8, 13, { random: model.random, std: 0.4 });
  model.setSubmodule("head", head);
  expect(valueOfLoss(model)).not.toBeCloseTo(plain, 3);
  expect([...model.stateDict().keys()]).toContain("head.weight");
});

test("a loss of nothing but ignored targets is 0", () => {
  const model = new GPT(tiny);
  expect(scope(() => model.loss(idsOf([[1, 2]]), idsOf([[-100, -100]])).dataSync()[0])).toBe(0);
});

test("an untied head starts apart from the embedding and learns for itself", () => {
  const model = new GPT({ ...tiny, tiedHead: false });
  const hidden = scope(() => model.hidden(idsOf([[1]])));
  scope(() => sum(model.logits(hidden)).backward());
  const gradientOf = (path: string): Tensor | undefined => model.stateDict().get(path)?.grad;
  expect(gradientOf("head.weight")).toBeDefined();
  expect(gradientOf("tokenEmbedding.weight")).toBeDefined();
});

/** The backend, on which the allocation after so many fails. */
function withRoomFor(room: number): Backend {
  let left = room;
  return {
    ...backend,
    allocate(byteLength) {
      if (left-- === 0) throw new RangeError("no memory");
      return backend.allocate(byteLength);
    },
  };
}

test("a model for which there is not enough memory leaves nothing behind", () => {
  const needed = new GPT({ ...tiny, tiedHead: false }).parameters().length;
  for (let room = 0; room < needed; room++) {
    const { liveBuffers } = backend.memory;
    expect(() => useBackend(withRoomFor(room), () => new GPT({ ...tiny, tiedHead: false }))).toThrow("no memory");
    expect(backend.memory.liveBuffers).toBe(liveBuffers);
  }
});

describe("weights in fewer bits", () => {
  const sizes = { vocabSize: 50, contextLength: 12, layers: 2, heads: 2, dim: 40 };
  const ids = (): Tensor<"i32"> => idsOf([[1, 2, 3, 4, 5], [9, 8, 7, 6, 40]]);

  /** The same model with the values that the packed weights stand for, in f32. */
  async function expanded(model: GPT): Promise<GPT> {
    const plain = new GPT(sizes, { weights: "zeros" });
    const weights = plain.stateDict();
    for (const [path, weight] of model.namedWeights()) {
      const target = weights.get(path) as Tensor;
      target.backend.write(target, await weight.data());
    }
    return plain;
  }

  const cases = (["cpu", "wasm"] as const).flatMap((name) =>
    weightDTypes.filter((dtype) => dtype !== "f32").flatMap((dtype) => [true, false].map((tiedHead) => ({ name, dtype, tiedHead }))),
  );

  test.each(cases)("$dtype on $name, tied head: $tiedHead", async ({ name, dtype, tiedHead }) => {
    useBackend(await (name === "cpu" ? cpu() : wasm()));
    const model = new GPT({ ...sizes, tiedHead }, { seed: 5, dtype }).eval();
    const plain = tiedHead ? await expanded(model) : undefined;
    const logits = noGrad(() => model.forward(ids()));
    if (plain) expect(distance(logits, noGrad(() => plain.forward(ids())))).toBeLessThan(1e-4);
    const cache = new KeyValueCache(model.config, { tokens: 96 });
    const rows = Array.from({ length: 5 }, (_, i) => noGrad(() => model.forward(slice(ids(), 1, i, i + 1), { cache })));
    expect(distance(concat(rows, 1), logits)).toBeLessThan(1e-4);
    const targets = idsOf([[2, 3, 4, 5, 6], [8, 7, 6, 40, 0]]);
    const loss = scope(() => model.loss(ids(), targets));
    expect(loss.dataSync()[0]).toBeCloseTo(noGrad(() => crossEntropy(logits, targets)).dataSync()[0], 5);
    loss.backward(); // To biases, norms and positions.
    expect(model.parameters().every(({ grad }) => grad !== undefined)).toBe(true);
    if (!plain) return;
    scope(() => plain.loss(ids(), targets).backward());
    const expected = plain.stateDict();
    for (const [path, { grad }] of model.namedParameters()) {
      // Of the keys' bias nothing but rounding is left.
      if (!path.endsWith("qkv.bias")) expect(distance(grad!, expected.get(path)!.grad!), path).toBeLessThan(3e-4);
    }
  });

  test("random weights are drawn without an f32 matrix in the backend's memory, and freed where it runs out", () => {
    const before = backend.memory.liveBytes;
    const model = new GPT(sizes, { dtype: "int8" });
    expect(backend.memory.peakBytes).toBe(backend.memory.liveBytes);
    expect(backend.memory.liveBytes - before).toBe(describeModel(model.config).weightBytes.int8);
    const buffers = backend.memory.liveBuffers;
    model.dispose();
    for (let room = 0; room < buffers; room++) {
      expect(() => useBackend(withRoomFor(room), () => new GPT(sizes, { dtype: "int8" }))).toThrow("no memory");
      expect(backend.memory.liveBytes).toBe(before);
    }
  });

  function distance(a: Tensor, b: Tensor): number {
    const [actual, expected] = [a.dataSync(), b.dataSync()];
    return Math.hypot(...actual.map((value, i) => value - expected[i])) / Math.hypot(...expected);
  }
});

test.each<[unknown, string]>([
  [{ seed: "1" }, 'GPT: seed must be a whole number from 0 to 2^53 - 1, not "1"'],
  [{ weights: "ones" }, 'GPT: weights must be one of "random", "zeros", not "ones"'],
  [{ dtype: "fp16" }, 'GPT: dtype must be one of "f32", "f16", "bf16", "int8", "int4", "mxfp4", not "fp16"'],
  [3, "GPT: options must be an object, not 3"],
])("an initialization %o is refused", (initialization, message) => {
  expect(() => new GPT(tiny, initialization as object)).toThrow(expect.objectContaining({ code: "invalid-input", message }));
});
