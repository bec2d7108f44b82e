import { currentBackend, manualSeed, noGrad, PackedWeight, randn, scope, sum, tensor, useBackend } from "@gpt/tensor";
import type { LinearOptions, Tensor, Weight } from "@gpt/tensor";
import { wasm } from "@gpt/tensor/wasm";
import { beforeEach, expect, test } from "vitest";
import { Linear, LoRA, LoRALinear, Sequential, trainableParameters } from "./index.ts";
import type { LoRAOptions } from "./index.ts";

const [rows, inputs, outputs, rank] = [5, 7, 6, 2];

beforeEach(async () => {
  useBackend(await wasm());
  manualSeed(3);
});

/** A layer with an adapter, whose B is not zero any more. */
function adapted(options: Partial<LoRAOptions> = {}, base: Linear<Weight> = new Linear<Weight>(inputs, outputs)): LoRALinear {
  const layer = new LoRALinear(base, { rank, alpha: 3, ...options });
  for (const { b } of layer.adapters) scope(() => { b.weight.backend.write(b.weight, randn(b.weight.shape).dataSync()); });
  return layer;
}

type Matrix = readonly (readonly number[])[];

function matrix(values: Tensor): Matrix {
  const [rows, columns] = values.shape;
  const all = values.dataSync();
  return Array.from({ length: rows }, (_, i) => [...all.subarray(i * columns, (i + 1) * columns)]);
}

/** `a · bᵀ` in float64. */
const product = (a: Matrix, b: Matrix): Matrix => a.map((x) => b.map((y) => x.reduce((sum, value, i) => sum + value * y[i], 0)));
const transposed = (a: Matrix): Matrix => a[0].map((_, i) => a.map((row) => row[i]));
const length = (row: readonly number[]): number => Math.hypot(...row);

/** What a layer computes without dropout, in float64: by the matrix that the papers write. */
function expected(x: Tensor, { base, adapters }: LoRALinear, { activation, residual }: LinearOptions = {}): number[] {
  const weight = matrix(base.weight as Tensor).map((row) => [...row]);
  for (const { a, b, scale, firstOutput, magnitude } of adapters) {
    product(matrix(b.weight), transposed(matrix(a.weight))).forEach((change, i) => {
      const changed = weight[firstOutput + i].map((value, j) => value + scale * change[j]);
      weight[firstOutput + i] = magnitude ? changed.map((value) => (value / length(changed)) * magnitude.dataSync()[i]) : changed;
    });
  }
  const bias = base.bias?.dataSync();
  const added = residual?.dataSync();
  return product(matrix(x), weight).flatMap((row, i) => row.map((value, j) => {
    const y = value + (bias?.[j] ?? 0);
    return (activation === "relu" ? Math.max(y, 0) : y) + (added?.[i * weight.length + j] ?? 0);
  }));
}

function expectClose(actual: Float32Array, wanted: readonly number[]): void {
  expect(actual.length).toBe(wanted.length);
  actual.forEach((value, i) => { expect(value).toBeCloseTo(wanted[i], 5); });
}

test.each<[string, Partial<LoRAOptions>, number]>([
  ["LoRA", {}, 3 / 2],
  ["rsLoRA", { rsLoRA: true }, 3 / Math.sqrt(2)],
  ["LoRA of some outputs", { firstOutput: 1, outputs: 3 }, 3 / 2],
  ["DoRA", { dora: true }, 3 / 2],
  ["DoRA of the last outputs", { dora: true, firstOutput: 2 }, 3 / 2],
])("%s computes what its paper says, with all options of linear, and merged", (_, options, scale) => {
  const layer = adapted(options);
  const [adapter] = layer.adapters;
  expect(adapter.scale).toBeCloseTo(scale, 12);
  // Lengths that learnt something.
  if (adapter.magnitude) adapter.magnitude.backend.write(adapter.magnitude, randn(adapter.magnitude.shape).dataSync());
  const [x, residual] = [randn([rows, inputs]), randn([rows, outputs])];
  const all: LinearOptions[] = [{}, { residual }, { activation: "relu" }, { activation: "relu", residual }];
  const wanted = all.map((options) => expected(x, layer, options));
  all.forEach((options, i) => { expectClose(layer.forward(x, options).dataSync(), wanted[i]); });
  layer.active = undefined;
  expect(layer.forward(x).dataSync()).toEqual(layer.base.forward(x).dataSync());
  adapter.mergeInto();
  expectClose(layer.base.forward(x).dataSync(), wanted[0]);
});

test("adapters of one name share a layer, in any order, and others are beside them", () => {
  const layer = adapted({ firstOutput: 4 });
  layer.add(new LoRA(layer.base, { rank: 1, outputs: 2 }));
  const x = randn([rows, inputs]);
  const [before, other] = [expected(x, layer), new LoRA(layer.base, { name: "other", rank: 3 })];
  layer.add(other);
  expectClose(layer.forward(x).dataSync(), before);
  layer.active = "other"; // Whose B is zero.
  expectClose(layer.forward(x).dataSync(), [...layer.base.forward(x).dataSync()]);
  layer.remove("other");
  expect(other.b.weight.disposed).toBe(true);
  layer.active = "default";
  expectClose(layer.forward(x).dataSync(), before);
  expect(() => { layer.add(new LoRA(layer.base, { rank: 1, firstOutput: 5 })); }).toThrow('it has an adapter "default" of these outputs');
  expect(() => { layer.add(new LoRA(new Linear(2, 2), { rank: 1, name: "y" })); }).toThrow("of another layer");
});

test("it begins as PEFT does: A uniform between ±1/√inputs, B zero, lengths those of the rows", () => {
  const base = new Linear(400, 50);
  const layer = new LoRALinear(base, { rank: 8, dora: true });
  const [{ a, b, magnitude }] = layer.adapters;
  const values = a.weight.dataSync();
  expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / 20);
  expect(Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length)).toBeCloseTo(1 / 20 / Math.sqrt(3), 3);
  expect(b.weight.dataSync().every((value) => value === 0)).toBe(true);
  expectClose(magnitude?.dataSync() ?? new Float32Array(), matrix(base.weight).map(length));
  const x = randn([3, 400]);
  expectClose(layer.forward(x).dataSync(), [...base.forward(x).dataSync()]);
});

test("what it makes on the way is freed", () => {
  const backend = currentBackend();
  const base = new Linear(inputs, outputs);
  const x = randn([rows, inputs]);
  const before = backend.memory.liveBuffers;
  const layer = adapted({ dora: true, firstOutput: 1 }, base);
  expect(backend.memory.liveBuffers).toBe(before + 3);
  noGrad(() => scope(() => void layer.forward(x, { activation: "silu" })));
  layer.adapters[0].mergeInto();
  expect(backend.memory.liveBuffers).toBe(before + 3);
  layer.remove("default");
  expect(backend.memory.liveBuffers).toBe(before);
});

test("what is dropped of its input is not kept for the gradient", () => {
  const x = randn([rows, inputs], { requiresGrad: true });
  const held = (options: Partial<LoRAOptions>): number => {
    const layer = adapted(options);
    const before = currentBackend().memory.liveBytes;
    const y = layer.forward(x);
    const bytes = currentBackend().memory.liveBytes - before;
    y.dispose();
    return bytes;
  };
  expect(held({ dropout: 0.5 })).toBe(held({}));
});

test("gradients drop what the forward pass did", () => {
  const layer = adapted({ dropout: 0.5 });
  const x = randn([rows, inputs], { requiresGrad: true });
  layer.base.weight.backend.write(layer.base.weight as Tensor, new Float32Array(outputs * inputs));
  const y = scope(() => sum(layer.forward(x)));
  y.backward();
  const [{ a, b, scale }] = layer.adapters;
  const shares = product([Array<number>(outputs).fill(1)], transposed(matrix(b.weight)))[0];
  const slopes = product([shares], transposed(matrix(a.weight)))[0].map((slope) => scale * slope);
  const kept = Array.from(x.grad?.dataSync() ?? [], (slope, i) => slope / slopes[i % inputs]);
  for (const factor of kept) expect([0, 2]).toContain(Math.round(factor * 1000) / 1000);
  expect(new Set(kept.map(Math.round)).size).toBe(2);
  // The output is the bias and what these gradients say of the inputs, which it is linear in.
  const bias = layer.base.bias?.dataSync().reduce((sum, value) => sum + value, 0) ?? 0;
  const total = x.dataSync().reduce((sum, value, i) => sum + value * (x.grad?.dataSync()[i] ?? NaN), rows * bias);
  expect(y.dataSync()[0]).toBeCloseTo(total, 4);
});

test("dropout is of the adapter's input alone, and while training alone", () => {
  const layer = adapted({ dropout: 0.5 });
  const x = randn([rows, inputs]);
  const [base, whole] = [layer.base.forward(x).dataSync(), expected(x, layer)];
  expect([...layer.forward(x).dataSync()]).not.toEqual([...layer.forward(x).dataSync()]);
  layer.eval();
  expectClose(layer.forward(x).dataSync(), whole);
  layer.train();
  layer.adapters[0].a.weight.backend.write(layer.adapters[0].a.weight, new Float32Array(rank * inputs));
  expect(layer.forward(x).dataSync()).toEqual(base);
});

test("a packed base is not touched, and its adapter learns (QLoRA)", () => {
  const base = new Linear<Weight>(64, 32, { dtype: "int4" });
  const layer = adapted({}, base);
  const network = new Sequential(new Linear(8, 64), layer, new Linear(32, 1));
  scope(() => { sum(network.forward(randn([rows, 8]))).backward(); });
  const [adapter] = layer.adapters;
  for (const { weight } of [adapter.a, adapter.b]) expect(weight.grad?.dataSync().some((value) => value !== 0)).toBe(true);
  expect(base.weight).toBeInstanceOf(PackedWeight);
  expect(() => adapter.mergeInto()).toThrow("the layer is stored as int4");
  expect(() => adapted({ dora: true }, base)).toThrow("the layer is stored as int4, and DoRA needs the lengths of its rows; load it as f32");
});

test.each<[string, object]>([
  ["LoRA: rank must be a whole number from 1, not 0", { rank: 0 }],
  ["LoRA: rank must be a whole number from 1, not undefined", {}],
  ["LoRA: alpha must be a number that is finite, not NaN", { rank: 1, alpha: NaN }],
  ["LoRA: dropout must be a number from 0 and below 1, not 1", { rank: 1, dropout: 1 }],
  ["LoRA: name must be a text that is not empty", { rank: 1, name: "" }],
  ["LoRA: firstOutput must be a whole number from 0 to 5, not 6", { rank: 1, firstOutput: 6 }],
  ["LoRA: outputs must be a whole number from 1 to 4, not 5", { rank: 1, firstOutput: 2, outputs: 5 }],
])("refuses: %s", (message, options) => {
  expect(() => new LoRALinear(new Linear(inputs, outputs), options as LoRAOptions)).toThrow(message);
});

test("gradients reach the adapter, and nothing else where the base is frozen", () => {
  const layer = adapted({ dora: true });
  for (const parameter of layer.base.parameters()) parameter.requiresGrad = false;
  const x = tensor([[1, 2, 3, 4, 5, 6, 7]]);
  scope(() => { sum(layer.forward(x)).backward(); });
  expect(layer.parameters().filter(({ grad }) => grad).length).toBe(3);
  expect(trainableParameters(layer)).toBe(rank * (inputs + outputs) + outputs);
});
