import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { cpu } from "../backends/cpu/index.ts";
import type { Backend } from "../contract/index.ts";
import {
  cast, concat, contiguous, copyInto, exp, expand, isGptError, log, permute, reshape, scope, slice, sum, tensor, transpose,
  useBackend, zeros,
} from "../index.ts";
import type { Tensor } from "../index.ts";
import { sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { array, broadcastTo, reshape as reshaped } from "../testing/reference/array.ts";
import type { NdArray } from "../testing/reference/array.ts";
import * as reference from "../testing/reference/movement.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

/** An op and its reference; which one depends on the shape it meets. */
interface Step {
  readonly op: (x: Tensor) => Tensor;
  readonly expected: (x: NdArray) => NdArray;
}

/** The step that three random numbers stand for. */
function stepFor(shape: Shape, kind: number, first: number, second: number): Step {
  const axis = first % Math.max(1, shape.length);
  switch (kind % 6) {
    case 0: {
      const axes = shape.map((_, i) => (i + second) % shape.length);
      return { op: (x) => permute(x, axes), expected: (x) => reference.permute(x, axes) };
    }
    case 1: {
      if (shape.length === 0) break;
      const start = second % (shape[axis] + 1);
      const end = start + (first % (shape[axis] - start + 1));
      return { op: (x) => slice(x, axis, start, end), expected: (x) => reference.slice(x, axis, start, end) };
    }
    case 2: {
      if (sizeOf(shape) > 200) break;
      const wide = [1 + (first % 3), ...shape.map((length) => (length === 1 ? 1 + (second % 3) : length))];
      return { op: (x) => expand(x, wide), expected: (x) => broadcastTo(x, wide) };
    }
    case 3: {
      // Two neighbours become one, or all become one row.
      const joined =
        shape.length > axis + 1
          ? [...shape.slice(0, axis), shape[axis] * shape[axis + 1], ...shape.slice(axis + 2)]
          : [sizeOf(shape), 1];
      return { op: (x) => reshape(x, joined), expected: (x) => reshaped(x, joined) };
    }
    case 4: {
      if (shape.length === 0 || sizeOf(shape) > 200) break;
      return { op: (x) => concat([x, x], axis), expected: (x) => reference.concat([x, x], axis) };
    }
  }
  return { op: contiguous, expected: (x) => x };
}

test("chains of any movements: values, gradients, memory", () => {
  const steps = fc.array(fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100)), { maxLength: 6 });
  const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });
  fc.assert(
    fc.property(shapes, steps, (shape, choices) => {
      const size = sizeOf(shape);
      // Values that are positions: the result says where each of its elements came from.
      let expected = array(shape, Array.from({ length: size }, (_, i) => i));
      const x = tensor(Float32Array.from(expected.data), { shape, requiresGrad: true });
      const live = backend.memory.liveBuffers;
      scope(() => {
        let y: Tensor = x;
        for (const [kind, first, second] of choices) {
          const step = stepFor(expected.shape, kind, first, second);
          y = step.op(y);
          expected = step.expected(expected);
        }
        expect(y.shape).toEqual(expected.shape);
        expect(Array.from(y.dataSync())).toEqual(Array.from(expected.data));
        if (y === x) return;
        const weights = Float32Array.from({ length: y.size }, (_, i) => 1 + (i % 7));
        y.backward(tensor(weights, { shape: y.shape }));
        const gradient = new Array<number>(size).fill(0);
        expected.data.forEach((from, i) => (gradient[from] += weights[i]));
        expect(x.grad?.shape).toEqual(shape);
        expect(Array.from(x.grad?.dataSync() ?? [])).toEqual(gradient);
      });
      expect(backend.memory.liveBuffers).toBe(live + (x.grad ? 1 : 0));
      x.dispose();
    }),
    { numRuns: process.env.GPT_VERIFY ? 20_000 : 300, seed: 1 },
  );
  expect(backend.memory.liveBuffers).toBe(0);
});

test("views share memory, copies do not", () => {
  const x = tensor([[1, 2, 3], [4, 5, 6]]);
  const views = [reshape(x, [3, 2]), transpose(x), slice(x, 1, 1), expand(x, [2, 2, 3]), contiguous(x)];
  expect(views.every((view) => view.storage === x.storage)).toBe(true);
  const copies = [reshape(transpose(x), [6]), contiguous(transpose(x)), concat([x], 0), cast(x, "f32")];
  expect(copies.some((copy) => copy.storage === x.storage)).toBe(false);
});

test("one size may be left to reshape", () => {
  expect(reshape(zeros([2, 3, 4]), [4, -1]).shape).toEqual([4, 6]);
  expect(reshape(zeros([0, 3]), [-1, 3]).shape).toEqual([0, 3]);
});

describe("copyInto", () => {
  test("does nothing to a tensor without elements, whose strides are 0", () => {
    const x = zeros([3, 0, 16]);
    copyInto(x, zeros([3, 0, 16]));
    copyInto(x, x);
    expect(x.dataSync()).toHaveLength(0);
  });

  test("is seen by every view, and by the tape", () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    const part = slice(x, 0, 1);
    // The gradient of a logarithm reads what went in, that of an exponential what came out.
    const [loss, other] = [sum(log(part)), sum(exp(part))];
    copyInto(x, tensor([7, 8, 9]));
    expect(Array.from(part.dataSync())).toEqual([8, 9]);
    expect(codeOf(() => sum(part))).toBe("overwritten");
    expect(codeOf(() => copyInto(exp(x), x))).toBe("overwritten");
    expect(codeOf(() => loss.backward())).toBe("overwritten");
    other.backward();
    expect(Array.from(x.grad!.dataSync(), Math.fround)).toEqual([0, Math.fround(Math.exp(2)), Math.fround(Math.exp(3))]);
  });

  test("shifts a tensor within itself", () => {
    const x = tensor([1, 2, 3, 4]);
    copyInto(slice(x, 0, 1), slice(x, 0, 0, 3));
    expect(Array.from(x.dataSync())).toEqual([1, 1, 2, 3]);
    copyInto(slice(x, 0, 0, 3), slice(x, 0, 1));
    expect(Array.from(x.dataSync())).toEqual([1, 2, 3, 3]);
  });
});

test.each<[name: string, code: string, run: () => unknown]>([
  ["an axis named twice, another left out", "invalid-argument", () => permute(zeros([2, 3]), [0, 0])],
  ["an axis named twice in addition", "invalid-argument", () => permute(zeros([2, 3]), [0, 1, 0])],
  ["an axis left out", "invalid-argument", () => permute(zeros([2, 3]), [1])],
  ["an axis that does not exist", "invalid-argument", () => transpose(zeros([2]))],
  ["a slice from the middle of an element", "invalid-argument", () => slice(zeros([4]), 0, 0.5, 2)],
  ["a slice that ends before it starts", "invalid-argument", () => slice(zeros([4]), 0, 3, 2)],
  ["a slice beyond the end", "invalid-argument", () => slice(zeros([4]), 0, 2, 5)],
  ["a slice from before the start", "invalid-argument", () => slice(zeros([4]), 0, -5)],
  ["an expansion of an axis of size 2", "invalid-shape", () => expand(zeros([2]), [4])],
  ["an expansion to fewer axes", "invalid-shape", () => expand(zeros([1, 2]), [2])],
  ["a reshape of another size", "invalid-shape", () => reshape(zeros([2, 3]), [5])],
  ["a reshape with two sizes left open", "invalid-shape", () => reshape(zeros([2, 3]), [-1, -1])],
  ["a reshape whose open size is anything", "invalid-shape", () => reshape(zeros([0]), [0, -1])],
  ["joining nothing", "invalid-argument", () => concat([], 0)],
  ["joining dtypes", "invalid-dtype", () => concat([zeros([1]), zeros([1], { dtype: "i32" }) as never], 0)],
  ["joining scalars", "invalid-argument", () => concat([zeros([])], 0)],
  ["a copy into another shape", "invalid-shape", () => copyInto(zeros([2]), zeros([3]))],
  ["a copy into another dtype", "invalid-dtype", () => copyInto(zeros([2], { dtype: "i32" }) as never, zeros([2]))],
  ["a copy into what was expanded", "invalid-argument", () => copyInto(expand(zeros([1]), [2]), zeros([2]))],
])("refuses %s", (_, code, run) => {
  expect(codeOf(() => scope(() => void run()))).toBe(code);
  expect(backend.memory.liveBuffers).toBe(0);
});

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (isGptError(error)) return error.code;
    throw error;
  }
  return undefined;
}
