import fc from "fast-check";
import { expect, test } from "vitest";
import { copyMatrix, matrixShape, runsOf, runsWithin } from "./layout.ts";
import type { Layout, Run } from "./layout.ts";
import type { SlotRole } from "./slots.ts";

/** A weight of a shape. */
const weight = (...shape: readonly number[]): { shape: readonly number[]; role: SlotRole } =>
  ({ shape, role: shape.length === 1 ? "vector" : shape.length === 2 ? "matrix" : "experts" });

/** Where an element lies, by the definition of each form. */
function placeOf(layout: Layout, rows: number, columns: number, row: number, column: number): string {
  if ("tensor" in layout) return `${layout.tensor} ${row * columns + column}`;
  if ("rows" in layout) {
    let first = 0;
    for (const { count, of } of layout.rows) {
      if (row < first + count) return placeOf(of, count, columns, row - first, column);
      first += count;
    }
    throw new Error(`no part has row ${row}`);
  }
  if ("transposed" in layout) return placeOf(layout.of, columns, rows, column, row);
  if ("interleaved" in layout) {
    const { interleaved, group } = layout;
    const [start, within, share] = [row - (row % group), row % group, group / interleaved];
    return placeOf(layout.of, rows, columns, start + (within % share) * interleaved + Math.floor(within / share), column);
  }
  return placeOf(layout.of, layout.total, columns, layout.first + row, column);
}

function places(runs: readonly Run[], columns: number): string[] {
  return runs.flatMap(({ tensor, count, offset, strides }) =>
    Array.from({ length: count * columns }, (_, i) => `${tensor} ${offset + Math.floor(i / columns) * strides[0] + (i % columns) * strides[1]}`),
  );
}

let tensors = 0;
const leaf = (): Layout => ({ tensor: `t${tensors++}` });

/** A layout of a matrix. Transposed is what a single tensor has. */
function layoutOf(rows: number, columns: number, depth: number): fc.Arbitrary<Layout> {
  const leaves = [
    fc.constant(0).map(leaf),
    fc.nat(3).chain((first) => fc.nat(3).map((more): Layout => ({ of: leaf(), first, total: first + rows + more }))),
    fc.constant(0).map((): Layout => ({ of: leaf(), transposed: true })),
    fc.nat(3).map((first): Layout => ({ of: { of: leaf(), first, total: first + columns + 1 }, transposed: true })),
  ];
  if (depth === 0) return fc.oneof(...leaves);
  const groups = [2, 4, 6, rows].filter((group) => group % 2 === 0 && rows % group === 0);
  return fc.oneof(
    ...leaves,
    fc.nat(3).chain((first) => layoutOf(first + rows + 2, columns, depth - 1).map((of): Layout => ({ of, first, total: first + rows + 2 }))),
    ...groups.map((group) => layoutOf(rows, columns, depth - 1).map((of): Layout => ({ of, interleaved: 2, group }))),
    ...(rows < 2 ? [] : [fc.integer({ min: 1, max: rows - 1 }).chain((count) =>
      fc.tuple(layoutOf(count, columns, depth - 1), layoutOf(rows - count, columns, depth - 1)).map(([a, b]): Layout => ({
        rows: [{ count, of: a }, { count: rows - count, of: b }],
      })),
    )]),
  );
}

const cases = fc.integer({ min: 1, max: 12 }).chain((rows) =>
  fc.integer({ min: 1, max: 4 }).chain((columns) => layoutOf(rows, columns, 3).map((layout) => ({ rows, columns, layout }))),
);

test("runs are where the forms say, all of them and any rows", () => {
  fc.assert(
    fc.property(cases, fc.nat(12), fc.nat(12), ({ rows, columns, layout }, a, b) => {
      const expected = Array.from({ length: rows * columns }, (_, i) =>
        placeOf(layout, rows, columns, Math.floor(i / columns), i % columns),
      );
      const runs = runsOf(layout, weight(rows, columns));
      expect(places(runs, columns)).toEqual(expected);
      let next = 0;
      for (const { first, count } of runs) {
        expect(first).toBe(next);
        next += count;
      }
      const [start, end] = [Math.min(a, b, rows), Math.min(Math.max(a, b), rows)];
      expect(places(runsWithin(runs, start, end - start), columns)).toEqual(expected.slice(start * columns, end * columns));
    }),
    { numRuns: process.env.GPT_VERIFY ? 20_000 : 1000 },
  );
});

test("tensors have the shapes of what lies in them", () => {
  const shapes = (layout: Layout, shape: readonly number[]): object =>
    Object.fromEntries(runsOf(layout, weight(...shape)).map(({ tensor, shape }) => [tensor, shape]));
  const parts = { rows: [{ count: 6, of: { tensor: "q" } }, { count: 2, of: { tensor: "k" } }] };
  expect(shapes(parts, [8, 3])).toEqual({ q: [6, 3], k: [2, 3] });
  expect(shapes(parts, [8])).toEqual({ q: [6], k: [2] });
  expect(shapes({ tensor: "experts" }, [4, 2, 3])).toEqual({ experts: [4, 2, 3] });
  const expert = (tensor: string): Layout => ({ of: { tensor }, transposed: true });
  expect(shapes({ rows: [{ count: 2, of: expert("e0") }, { count: 2, of: expert("e1") }] }, [2, 2, 3])).toEqual({ e0: [3, 2], e1: [3, 2] });
  expect(shapes({ of: { tensor: "we" }, first: 5, total: 9 }, [4, 3])).toEqual({ we: [9, 3] });
  expect(shapes({ tensor: "x", shape: [2, 12] }, [4, 2, 3])).toEqual({ x: [2, 12] });
});

test("a layout that makes no sense is an error of the program", () => {
  const parts: Layout = { rows: [{ count: 1, of: { tensor: "a" } }, { count: 1, of: { tensor: "b" } }] };
  expect(() => runsOf({ of: parts, transposed: true }, weight(3, 2))).toThrow("transposes several tensors together: a and others");
  expect(() => runsOf({ of: parts, first: 1, total: 2 }, weight(2, 3))).toThrow("a layout asks for row 2, which its parts do not have");
});

test("copies matrices of any size, as they lie and turned", () => {
  for (const [rows, columns] of [[1, 1], [3, 100], [33, 65], [64, 32]]) {
    const values = Float32Array.from({ length: rows * columns }, (_, i) => i);
    const turned = new Float32Array(rows * columns);
    copyMatrix(values, [columns, 1], turned, [1, rows], rows, columns);
    turned.forEach((value, i) => expect(value).toBe((i % rows) * columns + Math.floor(i / rows)));
    const again = new Float32Array(3 * values.length);
    copyMatrix(turned, [1, rows], again, [3 * columns, 3], rows, columns);
    expect(again.filter((_, i) => i % 3 === 0)).toEqual(values);
  }
});

test("a vector has one column, and experts lie one behind the other", () => {
  expect([weight(5), weight(5, 3), weight(2, 5, 3)].map(matrixShape)).toEqual([[5, 1], [5, 3], [10, 3]]);
});

test("biases of experts are one vector, and may alternate in each", () => {
  const biases = { shape: [2, 4], role: "vector" } as const;
  expect(matrixShape(biases)).toEqual([8, 1]);
  const runs = runsOf({ of: { tensor: "b", shape: [2, 4] }, interleaved: 2, group: 4 }, biases);
  expect(places(runs, 1)).toEqual([0, 2, 1, 3, 4, 6, 5, 7].map((at) => `b ${at}`));
  expect(runs[0].shape).toEqual([2, 4]);
});
