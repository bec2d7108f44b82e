import { array, assert, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import type { View } from "../../contract/index.ts";
import { sizeOf } from "../../shape.ts";
import { strided } from "./strided.ts";

const axis = record({ length: integer({ min: 1, max: 5 }), stride: integer({ min: 0, max: 40 }) });

function viewOf(axes: readonly { length: number; stride: number }[]): View {
  const [shape, strides] = [axes.map(({ length }) => length), axes.map(({ stride }) => stride)];
  return { buffer: 0, offset: 0, shape, strides, dtype: "f32" };
}

/** Where each element of a view lies, row-major. */
function placesOf({ shape, strides }: View): number[] {
  const start = [0];
  return shape.reduce(
    (places, length, i) => places.flatMap((place) => Array.from({ length }, (_, k) => place + k * strides[i])),
    start,
  );
}

/** The function that a source declares, as JavaScript. */
function run({ source, values }: ReturnType<typeof strided>): (i: number) => number {
  const numbers = Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]));
  const script = source
    .replace(/fn place_x\(i: u32\) -> u32/, "return function (i)")
    .replaceAll("0u", "0")
    .replace(/rest \/= (.*);/g, "rest = Math.floor(rest / $1);");
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  return new Function("values", script)(numbers) as (i: number) => number;
}

test("elements are found where they lie, for any shape and strides", () => {
  assert(
    property(array(axis, { maxLength: 5 }), (axes) => {
      const view = viewOf(axes);
      const place = run(strided("x", view));
      expect(Array.from({ length: sizeOf(view.shape) }, (_, i) => place(i))).toEqual(placesOf(view));
    }),
  );
});

test("axes that lie as one are joined, those of one element are left out", () => {
  const rank = (...axes: [number, number][]) => strided("x", viewOf(axes.map(([length, stride]) => ({ length, stride })))).rank;
  expect(rank()).toBe(0);
  expect(rank([1, 7], [1, 3])).toBe(0);
  expect(rank([4, 1])).toBe(-1);
  expect(rank([2, 12], [3, 4], [1, 99], [4, 1])).toBe(-1);
  expect(rank([4, 3])).toBe(1);
  expect(rank([2, 0], [3, 0])).toBe(1);
  expect(rank([2, 20], [3, 4], [4, 1])).toBe(2);
});

test("one program serves all views whose axes join alike", () => {
  const sources = [3, 5].map((n) => strided("x", viewOf([{ length: n, stride: 64 }, { length: 7, stride: n }])).source);
  expect(sources[0]).toBe(sources[1]);
});
