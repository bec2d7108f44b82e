import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  broadcastShapes, broadcastStrides, denseStrides, formatShape, isDense, reshapeStrides, sameShape, sizeOf,
} from "./shape.ts";
import type { Shape, Strides } from "./shape.ts";
import { commonShape, forEachIndex } from "./testing/reference/array.ts";

const numRuns = process.env.GPT_VERIFY ? 100_000 : 1000;

/** Where each element lies, in row-major order. */
function positions(shape: Shape, strides: Strides): number[] {
  const all: number[] = [];
  forEachIndex(shape, (index) => all.push(index.reduce((sum, i, axis) => sum + i * strides[axis], 0)));
  return all;
}

const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

/** Shapes with strides as views have them: permuted, with gaps, repeated; anything along axes of size 1. */
const layouts = fc
  .array(
    fc.record({
      length: fc.integer({ min: 1, max: 4 }),
      gap: fc.integer({ min: 0, max: 2 }),
      broadcast: fc.boolean(),
    }),
    { maxLength: 5 },
  )
  .chain((axes) =>
    fc.record({
      axes: fc.constant(axes),
      order: fc.shuffledSubarray(axes.map((_, axis) => axis), { minLength: axes.length }),
      foreign: fc.integer({ min: 0, max: 50 }),
      inPlace: fc.boolean(),
    }),
  )
  .map(({ axes, order, foreign, inPlace }) => {
    const strides = new Array<number>(axes.length);
    let step = 1;
    for (const axis of inPlace ? order.toSorted((a, b) => b - a) : order) {
      const { length, gap, broadcast } = axes[axis];
      strides[axis] = length === 1 ? foreign : broadcast && !inPlace ? 0 : step;
      step *= length + (inPlace ? 0 : gap);
    }
    return { shape: axes.map(({ length }) => length), strides };
  });

/** Shapes of as many elements as another, with axes of size 1 here and there. */
function shapesOfSize(size: number): fc.Arbitrary<number[]> {
  const factors: number[] = [];
  for (let rest = size, factor = 2; rest > 1; ) {
    if (rest % factor === 0) {
      factors.push(factor);
      rest /= factor;
    } else factor++;
  }
  return fc
    .tuple(
      fc.shuffledSubarray([...factors, 1, 1], { minLength: factors.length + 2 }),
      fc.array(fc.boolean(), { minLength: factors.length + 2, maxLength: factors.length + 2 }),
    )
    .map(([order, joins]) =>
      order.reduce<number[]>((shape, factor, i) => {
        if (joins[i] && shape.length > 0) shape[shape.length - 1] *= factor;
        else shape.push(factor);
        return shape;
      }, []),
    );
}

test("dense strides count positions one by one", () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      expect(positions(shape, denseStrides(shape))).toEqual(Array.from({ length: sizeOf(shape) }, (_, i) => i));
    }),
    { numRuns, seed: 1 },
  );
});

test("a layout is dense exactly where its positions count one by one", () => {
  fc.assert(
    fc.property(layouts, ({ shape, strides }) => {
      const inOrder = positions(shape, strides).every((position, i) => position === i);
      expect(isDense(shape, strides)).toBe(inOrder);
    }),
    { numRuns, seed: 1 },
  );
  expect(isDense([3, 0], [7, 7])).toBe(true);
});

describe("broadcasting", () => {
  test("the common shape, or none where sizes differ and neither is 1", () => {
    fc.assert(
      fc.property(shapes, shapes, (a, b) => {
        const rank = Math.max(a.length, b.length);
        const clash = Array.from({ length: rank }, (_, i) => [a.at(-1 - i) ?? 1, b.at(-1 - i) ?? 1]).some(
          ([left, right]) => left !== right && left !== 1 && right !== 1,
        );
        const common = broadcastShapes(a, b);
        expect(common).toEqual(clash ? undefined : commonShape(a, b));
        expect(broadcastShapes(b, a)).toEqual(common);
      }),
      { numRuns, seed: 1 },
    );
  });

  test("strides repeat what has size 1", () => {
    expect(broadcastStrides([3, 1], [5, 7], [2, 3, 4])).toEqual([0, 5, 0]);
    expect(broadcastStrides([], [], [2])).toEqual([0]);
  });
});

describe("reshaping without a copy", () => {
  const cases = layouts.chain((layout) => fc.tuple(fc.constant(layout), shapesOfSize(sizeOf(layout.shape))));

  test("visits the same positions, and is found wherever strides exist that do", () => {
    fc.assert(
      fc.property(cases, ([{ shape, strides }, target]) => {
        const wanted = positions(shape, strides);
        const found = reshapeStrides(shape, strides, target);
        if (found) expect(positions(target, found)).toEqual(wanted);
        // The only strides that can do it are the distances between neighbours.
        const dense = denseStrides(target);
        const only = target.map((length, axis) => (length === 1 ? 0 : wanted[dense[axis]] - wanted[0]));
        const exists = positions(target, only).every((position, i) => position + wanted[0] === wanted[i]);
        expect(found !== undefined).toBe(exists);
      }),
      { numRuns, seed: 1 },
    );
  });

  test.each([
    { shape: [2, 1, 3], strides: [3, 99, 1], target: [6], expected: [1] },
    { shape: [4, 6], strides: [12, 2], target: [2, 2, 3, 2], expected: [24, 12, 4, 2] },
    { shape: [3, 4], strides: [0, 0], target: [12], expected: [0] },
    { shape: [3, 4], strides: [0, 1], target: [12], expected: undefined },
    { shape: [3, 2], strides: [1, 3], target: [6], expected: undefined },
    { shape: [2, 0, 3], strides: [9, 9, 9], target: [0, 5], expected: [5, 1] },
    { shape: [1, 1], strides: [4, 9], target: [], expected: [] },
  ])("$shape with strides $strides to $target", ({ shape, strides, target, expected }) => {
    expect(reshapeStrides(shape, strides, target)).toEqual(expected);
  });
});

test("sizes, equality and words", () => {
  expect([sizeOf([]), sizeOf([2, 3]), sizeOf([2, 0])]).toEqual([1, 6, 0]);
  expect([sameShape([2, 3], [2, 3]), sameShape([2], [2, 1]), sameShape([2, 3], [3, 2])]).toEqual([true, false, false]);
  expect([formatShape([]), formatShape([2, 3])]).toEqual(["[]", "[2, 3]"]);
});
