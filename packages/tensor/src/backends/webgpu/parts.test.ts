import { array, assert, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import type { View } from "../../contract/index.ts";
import type { DType } from "../../dtype.ts";
import { denseStrides, sizeOf } from "../../shape.ts";
import type { Shape, Strides } from "../../shape.ts";
import { fits, flat, narrow, partsOf, rowParts, rowsOf } from "./parts.ts";

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
const shapes = record({ shape: array(length, { minLength: 1, maxLength: 3 }), stretch: integer({ min: 0, max: 9 }), offset: length });

test("parts are within reach, and are all elements of all views, once, side by side", () => {
  assert(
    property(shapes, ({ shape, stretch, offset }) => {
      const views = [view(shape), view(shape, denseStrides(shape).map((stride) => stride * stretch), offset)];
      const parts = partsOf(engine, views);
      for (const part of parts) {
        expect(part.map(({ shape }) => shape)).toEqual(part.map(() => part[0].shape));
        for (const view of part) expect(fits(engine, view)).toBe(true);
      }
      const places = (index: number) => parts.flatMap((part) => placesOf(part[index]));
      const pairs = (a: number[], b: number[]) => a.map((place, i) => [place, b[i]].join()).sort();
      expect(pairs(places(0), places(1))).toEqual(pairs(placesOf(views[0]), placesOf(views[1])));
    }),
  );
});

test("rows stay whole and in order, what is absent stays absent, and a part is beyond reach only where one row is", () => {
  assert(
    property(record({ rows: integer({ min: 0, max: 60 }), width: integer({ min: 1, max: 200 }) }), ({ rows, width }) => {
      const parts = rowsOf(engine, { x: view([rows, width]), mean: view([rows]), bias: null });
      for (const { x, mean, bias } of parts) {
        expect(bias).toBeNull();
        expect(x.shape).toEqual([mean.shape[0], width]);
        if (!(fits(engine, x) && fits(engine, mean))) expect(x.shape[0]).toBe(1);
      }
      expect(parts.flatMap(({ x }) => placesOf(x))).toEqual(placesOf(view([rows, width])));
      expect(parts.flatMap(({ mean }) => placesOf(mean))).toEqual(placesOf(view([rows])));
    }),
  );
});

test("each part of rows knows which is its first", () => {
  const parts = rowParts(engine, view([50, 20]));
  expect(parts.length).toBeGreaterThan(1);
  for (const { view, start } of parts) expect(view.offset).toBe(20 * start);
});

test("what is within reach is not cut", () => {
  const whole = view([8, 8]);
  expect(partsOf(engine, [whole])).toEqual([[whole]]);
  expect(rowsOf(engine, { whole })).toEqual([{ whole }]);
});

test("views are narrowed along an axis, and dense ones are flat", () => {
  expect(narrow(view([4, 6], [10, 2], 5), 1, 2, 3)).toEqual(view([4, 3], [10, 2], 9));
  expect(flat(view([4, 6], undefined, 5))).toEqual(view([24], [1], 5));
  expect(sizeOf(flat(view([0, 6])).shape)).toBe(0);
});
