import { array, assert, constantFrom, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import type { View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { denseStrides, sizeOf } from "../../../shape.ts";
import type { Shape, Strides } from "../../../shape.ts";
import { fits, flat, narrow, partsOf, split } from "./split-bindings.ts";

const engine = { maxBindingElements: 128 };

function view(shape: Shape, strides: Strides = denseStrides(shape), offset = 0): View {
  return { buffer: 0, offset, shape, strides, dtype: "f32" };
}

/** Where the elements of a view lie, row-major. */
function placesOf({ offset, shape, strides }: View<DType>): number[] {
  return shape.reduce(
    (places, length, i) => places.flatMap((place) => Array.from({ length }, (_, k) => place + k * strides[i])),
    [offset],
  );
}

const length = integer({ min: 1, max: 12 });

test("parts are within reach, and are all elements of all views, once, side by side", () => {
  const views = record({ shape: array(length, { minLength: 1, maxLength: 3 }), stretch: integer({ min: 0, max: 9 }), offset: length });
  assert(
    property(views, ({ shape, stretch, offset }) => {
      const whole = {
        out: view(shape),
        x: view(shape, denseStrides(shape).map((stride) => stride * stretch), offset),
        y: view(shape, denseStrides([...shape].reverse()).reverse()),
      };
      const parts = partsOf(engine, whole, ["out"]).map(({ operands }) => operands);
      for (const { out, x, y } of parts) {
        expect([x.shape, y.shape]).toEqual([out.shape, out.shape]);
        for (const view of [out, x, y]) expect(fits(engine, view)).toBe(true);
      }
      const together = ({ out, x, y }: typeof whole): string[] => {
        const places = [placesOf(x), placesOf(y)];
        return placesOf(out).map((place, i) => [place, ...places.map((other) => other[i])].join());
      };
      expect(parts.flatMap(together).sort()).toEqual(together(whole).sort());
    }),
  );
});

/** `[rows, inner] · [inner, columns]`, of which any axis may be cut, or none. */
const axis = (name: "rows" | "inner" | "columns") => constantFrom(name, null);
const product = record({
  rows: integer({ min: 0, max: 30 }), inner: integer({ min: 1, max: 90 }), columns: integer({ min: 1, max: 30 }),
  row: axis("rows"), layer: axis("inner"), column: axis("columns"),
});

test("operands are cut together, along the axes that are named; sums are made in their order, each once", () => {
  let cuts = 0;
  assert(
    property(product, ({ rows, inner, columns, row, layer, column }) => {
      const whole = { a: view([rows, inner]), b: view([inner, columns]), out: view([rows, columns]), bias: null };
      const axes = { a: [row, layer], b: [layer, column], out: [row, column], bias: [column] };
      const parts = split<typeof whole, "rows" | "inner" | "columns">(engine, whole, axes, ["out"]);
      const sums = new Array<number>(rows * columns).fill(0);
      for (const { operands, starts } of parts) {
        const { a, b, out, bias } = operands;
        expect(bias).toBeNull();
        expect(a.shape).toEqual([out.shape[0], b.shape[0]]);
        expect(b.shape[1]).toBe(out.shape[1]);
        expect([a.offset, b.offset]).toEqual([
          (starts.rows ?? 0) * inner + (starts.inner ?? 0),
          (starts.inner ?? 0) * columns + (starts.columns ?? 0),
        ]);
        if (row && layer && column) expect([a, b, out].every((view) => fits(engine, view))).toBe(true);
        // Of the sums, as far as they are made.
        const places = placesOf(out);
        expect(places.every((place) => sums[place] === (starts.inner ?? 0))).toBe(true);
        for (const place of places) sums[place] += b.shape[0];
      }
      expect(sums.every((sum) => sum === inner)).toBe(true);
      if (!(row ?? layer ?? column)) expect(parts).toEqual([{ operands: whole, starts: {} }]);
      cuts += parts.length - 1;
    }),
  );
  expect(cuts).toBeGreaterThan(0);
});

test("a step along an axis may be some elements of one operand and others of another; the last may be a part of one", () => {
  assert(
    property(integer({ min: 1, max: 12 }), integer({ min: 1, max: 900 }), (rows, columns) => {
      const blocks = Math.ceil(columns / 32);
      const whole = { x: view([rows, columns]), values: view([rows, blocks * 8]), scales: view([rows, Math.ceil(blocks / 2)]) };
      const parts = split(engine, whole, {
        x: ["rows", { axis: "columns", step: 64 }], values: ["rows", { axis: "columns", step: 16 }], scales: ["rows", "columns"],
      }, []);
      for (const { operands, starts } of parts) {
        const { x, values, scales } = operands;
        expect(Object.values(operands).every((view) => fits(engine, view))).toBe(true);
        expect([x.offset, values.offset, scales.offset]).toEqual(
          [[columns, 64], [blocks * 8, 16], [Math.ceil(blocks / 2), 1]].map(([width, step]) => {
            return starts.rows * width + starts.columns * step;
          }),
        );
        expect(values.shape[1]).toBe(Math.ceil(x.shape[1] / 32) * 8);
        expect(scales.shape[1]).toBe(Math.ceil(x.shape[1] / 64));
      }
      for (const name of ["x", "values", "scales"] as const) {
        expect(parts.flatMap(({ operands }) => placesOf(operands[name])).sort((a, b) => a - b)).toEqual(placesOf(whole[name]));
      }
    }),
  );
});

test("one binding reaches what is written and what lies between its elements", () => {
  const [keys, values] = [0, 40].map((offset) => view([4, 20], [80, 1], offset));
  const far = view([4, 20], [80, 1], 1000);
  const axes = { keys: ["rows", null], values: ["rows", null], far: ["rows", null] } as const;
  const rowsOf = (written: readonly ("keys" | "values" | "far")[], maxBindingElements: number) =>
    split({ maxBindingElements }, { keys, values, far }, axes, written).map(({ operands }) => operands.keys.shape[0]);
  // Keys and values of 260 elements each, 300 together.
  expect(rowsOf([], 260 + 64)).toEqual([4]);
  expect(rowsOf(["keys"], 300 + 64)).toEqual([4]);
  expect(rowsOf(["keys"], 299 + 64)).toEqual([2, 2]);
  expect(rowsOf(["far"], 260 + 64)).toEqual([4]);
});

test("what is within reach, or cannot be cut, is whole", () => {
  for (const whole of [view([8, 8]), view([1, 1, 1]), view([1, 500]), view([500], [0])]) {
    const axes = whole.shape.map((_, axis) => (axis === 0 ? ("rows" as const) : null));
    expect(split(engine, { whole }, { whole: axes }, [])).toEqual([{ operands: { whole }, starts: { rows: 0 } }]);
  }
});

test("cuts keep to places where vec4s may begin, where there is room", () => {
  for (const { operands } of partsOf({ maxBindingElements: 512 }, { x: view([5003]) }, [])) expect(operands.x.offset % 64).toBe(0);
});

test("views are narrowed along an axis, and dense ones are flat", () => {
  expect(narrow(view([4, 6], [10, 2], 5), 1, 2, 3)).toEqual(view([4, 3], [10, 2], 9));
  expect(flat(view([4, 6], undefined, 5))).toEqual(view([24], [1], 5));
  expect(sizeOf(flat(view([0, 6])).shape)).toBe(0);
});
