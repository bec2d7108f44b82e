import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cpu } from "./backends/cpu/index.ts";
import { decodeParts, embedding, encodeParts, joinRows, linear, PackedWeight, pickRows, takeRows, tensor, useBackend } from "./index.ts";
import type { PackedDType, PackedParts, WeightDType } from "./index.ts";
import { packedDTypes, weightDTypes } from "./weight-format.ts";

const runs = { numRuns: process.env.GPT_VERIFY ? 20_000 : 300, seed: 1 };

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

function roundTrip(dtype: PackedDType, [rows, columns]: readonly number[], elements: Float32Array): Float32Array {
  return decodeParts(encodeParts(dtype, rows, columns, elements)).map((value) => value + 0); // Zeros have no sign.
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
  test.each([["int8", 127], ["int4", 8]] as const)("%s: elements are off by half a step, with int4 by less than two", (dtype, max) => {
    fc.assert(
      fc.property(matrices, ({ shape, elements }) => {
        for (const [before, after] of blocks(shape, elements, roundTrip(dtype, shape, elements))) {
          // The step of int4 may be chosen so that the extreme is beyond the codes. Subnormal steps are coarse.
          const bound = (largest(before) / max) * (dtype === "int8" ? 0.501 : 1.7) + 2 ** -25 * max;
          before.forEach((value, i) => expect(Math.abs(after[i] - value)).toBeLessThanOrEqual(bound));
        }
      }),
      runs,
    );
  });

  test.each(packedDTypes)("%s: storing what was stored changes nothing", (dtype) => {
    fc.assert(
      fc.property(matrices, ({ shape, elements }) => {
        const once = roundTrip(dtype, shape, elements);
        for (const [before, after] of blocks(shape, once, roundTrip(dtype, shape, once))) {
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

  test.each([["f16", 3e-4], ["bf16", 2.4e-3], ["int8", 7e-3], ["int4", 0.085], ["mxfp4", 0.118]] as const)(
    "%s: normally distributed weights are off by less than %d in norm",
    (dtype, max) => {
      const elements = normals(64 * 768);
      const after = roundTrip(dtype, [64, 768], elements);
      const norm = (values: Float32Array): number => Math.hypot(...values);
      expect(norm(after.map((value, i) => value - elements[i])) / norm(elements)).toBeLessThan(max);
    },
  );

  /** E2M1 of the OCP's MX formats 1.0 (table 5). */
  const fp4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6];

  test("mxfp4: each code with each scale is its number, to the sign of zero", () => {
    const values = new Int32Array(Uint8Array.from({ length: 256 * 16 }, (_, i) => 17 * (i % 16)).buffer);
    const scales = new Int32Array(Uint8Array.from({ length: 256 }, (_, i) => i).buffer);
    const elements = decodeParts({ dtype: "mxfp4", rows: 1, columns: 256 * 32, values, scales });
    elements.forEach((element, i) => {
      const scale = Math.floor(i / 32);
      const wanted = scale === 255 ? NaN : Math.fround(fp4[i % 16] * 2 ** (scale - 127));
      if (!Object.is(element, wanted)) throw new Error(`code ${i % 16} with scale ${scale}: expected ${wanted}, got ${element}`);
    });
  });

  test("mxfp4: elements become the nearest code, the even one of two, with a scale by the exponent of the largest", () => {
    fc.assert(
      fc.property(matrices, ({ shape, elements }) => {
        for (const [before, after] of blocks(shape, elements, roundTrip("mxfp4", shape, elements))) {
          const size = largest(before);
          if (size === 0) continue;
          const scale = 2 ** Math.max(Math.floor(Math.log2(size)) - 2, -127);
          before.forEach((value, i) => {
            const distances = fp4.slice(0, 8).map((number) => Math.abs(number * scale - Math.abs(value)));
            const nearest = [...distances.keys()].filter((code) => distances[code] === Math.min(...distances));
            const code = nearest.find((code) => code % 2 === 0) ?? nearest[0];
            expect(Math.abs(after[i])).toBe(fp4[code] * scale);
            expect(after[i] * value).toBeGreaterThanOrEqual(0);
          });
        }
      }),
      runs,
    );
  });

  test.each(packedDTypes)("%s: zeros stay zeros", (dtype) => {
    expect(roundTrip(dtype, [2, 40], new Float32Array(80))).toEqual(new Float32Array(80));
  });
});

describe("what cannot be stored", () => {
  const encode = (dtype: PackedDType, value: number) => () => encodeParts(dtype, 2, 40, new Float32Array(80).fill(value, 75, 76));
  const refusing = packedDTypes.filter((dtype) => dtype !== "bf16");

  test.each(refusing.flatMap((dtype) => [NaN, Infinity, -Infinity].map((value) => [dtype, value] as const)))(
    "%s refuses %d",
    (dtype, value) => {
      const message = `${dtype} cannot hold ${value}, which is element [1, 35]: the largest that it holds is`;
      expect(encode(dtype, value)).toThrow(
        expect.objectContaining({ code: "invalid-argument", message: expect.stringContaining(message) as string }),
      );
    },
  );

  test("too large", () => {
    expect(encode("f16", 70_000)).toThrow("f16 cannot hold 70000, which is element [1, 35]: the largest that it holds is 65504");
    expect(encode("int8", -1e9)).toThrow("int8 cannot hold -1000000000");
    expect(encode("bf16", 1e9)().values.length).toBe(64);
  });

  test("of no such shape, or in no such dtype", () => {
    const elements = Float32Array.of(1, 2);
    const wrong = <T>(value: unknown): T => value as T;
    expect(() => encodeParts("int8", wrong(1n), 2, elements)).toThrow("encodeParts: the parts' rows must be a whole number from 0, not");
    expect(() => encodeParts("int8", 1, -2, elements)).toThrow("encodeParts: the parts' columns must be a whole number from 0, not -2");
    expect(() => encodeParts(wrong("int5"), 1, 2, elements)).toThrow("encodeParts: the dtype must be one of ");
  });

  test.each([["int8", 65_504 * 127], ["int4", 65_504 * 8], ["f16", 65_504]] as const)("%s holds %d", (dtype, largest) => {
    const elements = Float32Array.of(largest, -largest, largest / 5);
    const found = roundTrip(dtype, [1, 3], elements);
    found.forEach((value, i) => expect(Math.abs(value - elements[i])).toBeLessThanOrEqual(dtype === "int4" ? largest / 8 : largest / 200));
  });
});

describe("rows", () => {
  const parts = (dtype: WeightDType, rows: number, columns = 70, first = 0): PackedParts =>
    encodeParts(dtype, rows, columns, Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(first + i)));

  test.each(weightDTypes)("%s: taken, picked and joined, they keep their bits", (dtype) => {
    const all = parts(dtype, 5);
    const [head, tail] = [takeRows(all, 0, 2), takeRows(all, 2, 3)];
    expect(joinRows([head, tail])).toEqual(all);
    expect(pickRows(all, [2, 3, 4])).toEqual(tail);
    const elements = decodeParts(all);
    const row = (i: number): number[] => [...elements.subarray(i * 70, (i + 1) * 70)];
    expect([...decodeParts(pickRows(all, [4, 0, 4]))]).toEqual([4, 0, 4].flatMap(row));
    expect(decodeParts(takeRows(all, 3, 0))).toEqual(new Float32Array());
    expect(decodeParts(joinRows([takeRows(all, 1, 1), all]))).toEqual(Float32Array.of(...row(1), ...elements));
  });

  test("what is not there, or of another kind, is refused", () => {
    const all = parts("int8", 3);
    expect(() => takeRows(all, 2, 2)).toThrow("takeRows: there are no 2 rows from 2 on among 3");
    expect(() => takeRows(all, 0, 1.5)).toThrow("takeRows: there are no 1.5 rows from 0 on among 3");
    expect(() => pickRows(all, [0, -1])).toThrow("pickRows: there are no 1 rows from -1 on among 3");
    expect(() => joinRows([all, parts("int4", 3)])).toThrow("joinRows: int8 [3, 70] and int4 [3, 70] differ in more than rows");
    expect(() => joinRows([all, parts("int8", 3, 33)])).toThrow("joinRows: int8 [3, 70] and int8 [3, 33] differ in more than rows");
    expect(() => decodeParts({ ...all, rows: 4 })).toThrow(
      "decodeParts: int8 [4, 70] takes 96 words of values and 8 of scales, and these parts have 72 and 6",
    );
    expect(() => decodeParts({ ...all, scales: null })).toThrow("and these parts have 72 and 0");
    expect(() => decodeParts({ ...all, dtype: "int5" } as unknown as PackedParts)).toThrow(
      `decodeParts: the parts' dtype must be one of ${weightDTypes.map((dtype) => `"${dtype}"`).join(", ")}, not "int5"`,
    );
    expect(() => decodeParts({ ...all, dtype: "f32" } as unknown as PackedParts)).toThrow("decodeParts: the parts' values must be a Float32Array");
  });
});

describe("a packed weight", () => {
  test("takes the place of a tensor, and says what it is", async () => {
    const backend = await cpu();
    useBackend(backend);
    const weight = PackedWeight.zeros("int8", [2, 3]);
    expect(await weight.data()).toEqual(new Float32Array(6));
    weight.writeRows(0, Float32Array.of(1, 2, 127, 0, -127, 5));
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

  test.each(packedDTypes)("%s: is made from parts, and written and read by rows, bit for bit", async (dtype) => {
    const backend = await cpu();
    const all = encodeParts(dtype, 6, 70, Float32Array.from({ length: 420 }, (_, i) => Math.cos(i)));
    const weight = PackedWeight.fromParts(all, { shape: [2, 3, 70], backend });
    expect(weight).toMatchObject({ shape: [2, 3, 70], rows: 6, columns: 70, size: 420 });
    expect(weight.byteLength).toBe(4 * (all.values.length + (all.scales?.length ?? 0)));
    expect(await weight.readRows()).toEqual(all);
    expect(await weight.readRows(2, 3)).toEqual(takeRows(all, 2, 3));
    const others = encodeParts(dtype, 2, 70, new Float32Array(140).fill(3));
    const reading = weight.readRows(4);
    weight.writeRows(4, others);
    weight.writeRows(0, takeRows(all, 5, 1));
    expect(await reading).toEqual(takeRows(all, 4, 2));
    expect(await weight.readRows()).toEqual(joinRows([takeRows(all, 5, 1), takeRows(all, 1, 3), others]));
    expect(await weight.data()).toEqual(decodeParts(await weight.readRows()));
    weight.dispose();
    expect(backend.memory.liveBuffers).toBe(0);
  });

  test("encodes rows of another dtype", async () => {
    const backend = await cpu();
    const weight = PackedWeight.zeros("int8", [2, 3], { backend });
    weight.writeRows(0, encodeParts("bf16", 1, 3, Float32Array.of(1, -127, 0)));
    weight.writeRows(1, encodeParts("f32", 1, 3, Float32Array.of(2, 254, -2)));
    expect([...(await weight.data())]).toEqual([1, -127, 0, 2, 254, -2]);
    weight.dispose();
  });

  test("says what it is not", async () => {
    const backend = await cpu();
    expect(() => PackedWeight.zeros("int4", [2, 3], { backend: { ...backend, packedDTypes: ["f16"] } })).toThrow(
      "the backend cpu stores no weights as int4; beside f32 it has: f16",
    );
    expect(() => PackedWeight.zeros("int4", [6], { backend })).toThrow(
      "a packed weight is [rows, columns] or [experts, rows, columns], not [6]",
    );
    const weight = PackedWeight.zeros("int4", [2, 3], { backend });
    expect(() => weight.writeRows(0, new Float32Array(5))).toThrow(
      "PackedWeight.writeRows: f32 [2, 3] takes 6 words of values and 0 of scales, and these parts have 5 and 0",
    );
    expect(() => weight.writeRows(1, new Float32Array(6))).toThrow("PackedWeight.writeRows: there are no 2 rows from 1 on among 2");
    expect(() => weight.writeRows(0, encodeParts("int4", 1, 2, new Float32Array(2)))).toThrow(
      "PackedWeight.writeRows: rows of 2 columns do not fit a packed weight [2, 3]",
    );
    await expect(weight.readRows(0, 3)).rejects.toThrow("PackedWeight.readRows: there are no 3 rows from 0 on among 2");
    expect(() => PackedWeight.fromParts(encodeParts("f32", 1, 1, new Float32Array(1)))).toThrow(
      "PackedWeight.fromParts: f32 is not packed; encodeParts packs elements",
    );
    expect(() => PackedWeight.fromParts(encodeParts("int8", 4, 3, new Float32Array(12)), { shape: [2, 3, 2] })).toThrow(
      "PackedWeight.fromParts: 4 rows of 3 are no [2, 3, 2]",
    );
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
