import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cpu } from "./backends/cpu/index.ts";
import { embedding, linear, PackedWeight, tensor, useBackend } from "./index.ts";
import { decodeRows, encodeWeight, packedDTypes } from "./weight-format.ts";

const runs = { numRuns: process.env.GPT_VERIFY ? 20_000 : 300, seed: 1 };
const integers = packedDTypes.filter((format) => format.startsWith("int"));

/** Rows of weights of very different sizes, with zeros among them. */
const matrices = fc
  .record({ rows: fc.integer({ min: 1, max: 3 }), columns: fc.integer({ min: 1, max: 70 }), power: fc.integer({ min: -20, max: 12 }) })
  .chain(({ rows, columns, power }) =>
    fc
      .array(fc.oneof({ weight: 9, arbitrary: fc.double({ min: -1, max: 1, noNaN: true }) }, fc.constant(0)), {
        minLength: rows * columns,
        maxLength: rows * columns,
      })
      .map((values) => ({ shape: [rows, columns], elements: Float32Array.from(values, (value) => value * 2 ** power) })),
  );

function roundTrip(format: (typeof packedDTypes)[number], shape: readonly number[], elements: Float32Array): Float32Array {
  const { values, scales } = encodeWeight(format, shape, elements);
  const out = new Float32Array(elements.length);
  decodeRows(format, shape[1], values, scales, out);
  return out.map((value) => value + 0); // Zeros have no sign.
}

/** The block that each element is in: its row and its block in it. */
function* blocks(shape: readonly number[], ...arrays: readonly Float32Array[]): Generator<Float32Array[]> {
  const [rows, columns] = shape;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column += 32) {
      const [start, end] = [row * columns + column, row * columns + Math.min(columns, column + 32)];
      yield arrays.map((array) => array.subarray(start, end));
    }
  }
}

const largest = (block: Float32Array): number => block.reduce((size, value) => Math.max(size, Math.abs(value)), 0);

describe("what is stored", () => {
  test.each([["int8", 127], ["int4", 8]] as const)("%s: elements are off by half a step, with int4 by less than two", (format, max) => {
    fc.assert(
      fc.property(matrices, ({ shape, elements }) => {
        for (const [before, after] of blocks(shape, elements, roundTrip(format, shape, elements))) {
          // The step of int4 may be chosen so that the extreme is beyond the codes. Subnormal steps are coarse.
          const bound = (largest(before) / max) * (format === "int8" ? 0.501 : 1.7) + 2 ** -25 * max;
          before.forEach((value, i) => expect(Math.abs(after[i] - value)).toBeLessThanOrEqual(bound));
        }
      }),
      runs,
    );
  });

  test.each(packedDTypes)("%s: storing what was stored changes nothing", (format) => {
    fc.assert(
      fc.property(matrices, ({ shape, elements }) => {
        const once = roundTrip(format, shape, elements);
        for (const [before, after] of blocks(shape, once, roundTrip(format, shape, once))) {
          // Subnormal steps are too coarse for that.
          if (largest(before) > 127 * 2 ** -14) expect(after).toEqual(before);
        }
      }),
      runs,
    );
  });

  test("the search for the step of int4 leaves a tenth less error than the extreme's does", () => {
    const elements = normals(64 * 768);
    const after = roundTrip("int4", [64, 768], elements);
    let [found, plain] = [0, 0];
    for (const [before, stored] of blocks([64, 768], elements, after)) {
      const extreme = before.reduce((extreme, value) => (Math.abs(value) > Math.abs(extreme) ? value : extreme), 0);
      before.forEach((value, i) => {
        found += (stored[i] - value) ** 2;
        plain += (Math.max(-8, Math.min(7, Math.round(value / (extreme / -8)))) * (extreme / -8) - value) ** 2;
      });
    }
    expect(found / plain).toBeLessThan(0.9);
  });

  test.each([["f16", 3e-4], ["bf16", 2.4e-3], ["int8", 7e-3], ["int4", 0.085]] as const)(
    "%s: normally distributed weights are off by less than %d in norm",
    (format, max) => {
      const elements = normals(64 * 768);
      const after = roundTrip(format, [64, 768], elements);
      const norm = (values: Float32Array): number => Math.hypot(...values);
      expect(norm(after.map((value, i) => value - elements[i])) / norm(elements)).toBeLessThan(max);
    },
  );

  test.each(packedDTypes)("%s: zeros stay zeros", (format) => {
    expect(roundTrip(format, [2, 40], new Float32Array(80))).toEqual(new Float32Array(80));
  });
});

describe("what cannot be stored", () => {
  const withElement = (value: number): Float32Array => new Float32Array(80).fill(value, 75, 76);

  test.each([...integers, "f16" as const].flatMap((format) => [NaN, Infinity, -Infinity].map((value) => [format, value] as const)))(
    "%s refuses %d",
    (format, value) => {
      expect(() => encodeWeight(format, [2, 40], withElement(value))).toThrow(
        expect.objectContaining({
          code: "invalid-argument",
          message: expect.stringContaining(`${format} cannot hold row 1, columns 32 to 39: ${value} is among them`) as string,
        }),
      );
    },
  );

  test("too large", () => {
    expect(() => encodeWeight("f16", [2, 40], withElement(70_000))).toThrow("70000 is among them; the largest f16 is 65,504");
    expect(() => encodeWeight("int8", [2, 40], withElement(1e9))).toThrow("they are too large: steps end at 65,504");
    expect(encodeWeight("bf16", [2, 40], withElement(1e9)).values.length).toBe(64);
  });
});

describe("a packed weight", () => {
  test("takes the place of a tensor, and says what it is", async () => {
    const backend = await cpu();
    useBackend(backend);
    const weight = PackedWeight.zeros("int8", [2, 3]);
    expect(await weight.data()).toEqual(new Float32Array(6));
    weight.write(Float32Array.of(1, 2, 127, 0, -127, 5));
    expect(await weight.data()).toEqual(Float32Array.of(1, 2, 127, 0, -127, 5));
    expect(weight.byteLength).toBe(2 * (32 + 4));
    expect(backend.memory.liveBytes).toBe(weight.byteLength);
    expect([...linear(tensor([[1, 1, 1]]), weight).dataSync()]).toEqual([130, -122]);
    expect([...embedding(weight, tensor(Int32Array.of(1))).dataSync()]).toEqual([0, -127, 5]);
    expect(String(weight)).toBe("PackedWeight([2, 3], int8, cpu)");
    weight.dispose();
    expect(String(weight)).toBe("PackedWeight([2, 3], int8, cpu, freed)");
    expect(() => linear(tensor([[1, 1, 1]]), weight)).toThrow("linear: a tensor [2, 8] was freed before");
  });

  test("says what it is not", async () => {
    const backend = await cpu();
    expect(() => PackedWeight.zeros("int4", [2, 3], { backend: { ...backend, packedDTypes: ["f16"] } })).toThrow(
      "the backend cpu stores no weights as int4; beside f32 it has: f16",
    );
    expect(() => PackedWeight.zeros("int4", [6], { backend })).toThrow("a packed weight is [rows, columns], not [6]");
    const weight = PackedWeight.zeros("int4", [2, 3], { backend });
    expect(() => weight.write(new Float32Array(5))).toThrow("5 elements do not fill a packed weight [2, 3] (6)");
    expect(() => linear(tensor([[1, 2]], { backend }), weight)).toThrow(
      "linear: x [1, 2] has 2 features, weight [2, 3] takes 3",
    );
    weight.dispose();
    expect(backend.memory.liveBuffers).toBe(1);
  });
});

/** Normally distributed numbers by the sum of uniform ones. */
function normals(count: number): Float32Array {
  let state = 1;
  const uniform = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  return Float32Array.from({ length: count }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return 0.02 * sum;
  });
}
