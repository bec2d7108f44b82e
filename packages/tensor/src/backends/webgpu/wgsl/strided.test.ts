import { array, assert, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import type { View } from "../../../contract/index.ts";
import { sizeOf } from "../../../shape.ts";
import { strided } from "./strided.ts";

const stride = integer({ min: 0, max: 40 });
const axis = record({ length: integer({ min: 1, max: 5 }), x: stride, out: stride });

/** A view of axes of these lengths and strides. */
function viewOf(axes: readonly (readonly [length: number, stride: number])[]): View {
  const [shape, strides] = [axes.map(([length]) => length), axes.map(([, stride]) => stride)];
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

/** Where the source finds element `i` of `x` and `out`, as JavaScript. */
function run({ source, values }: ReturnType<typeof strided>): (i: number) => { x: number; out: number } {
  const numbers = Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]));
  const script = source.replace(/rest \/= (.*);/g, "rest = Math.floor(rest / $1);");
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call
  return new Function("values", `return (i) => { ${script}; return { x: place_x, out: place_out }; }`)(numbers) as (
    i: number,
  ) => { x: number; out: number };
}

test("elements are found where they lie, for any shape and strides", () => {
  assert(
    property(array(axis, { maxLength: 5 }), (axes) => {
      const x = viewOf(axes.map(({ length, x }) => [length, x]));
      const out = viewOf(axes.map(({ length, out }) => [length, out]));
      const places = run(strided({ x, out }));
      const found = Array.from({ length: sizeOf(x.shape) }, (_, i) => places(i));
      expect(found.map(({ x }) => x)).toEqual(placesOf(x));
      expect(found.map(({ out }) => out)).toEqual(placesOf(out));
    }),
  );
});

test("axes that lie as one in all views are joined, those of one element are left out", () => {
  const rank = (...views: [number, number][][]) =>
    strided(Object.fromEntries(views.map((axes, i) => [`x${i}`, viewOf(axes)]))).rank;
  expect(rank([])).toBe(0);
  expect(rank([[1, 7], [1, 3]])).toBe(0);
  expect(rank([[4, 1]])).toBe(0);
  expect(rank([[2, 12], [3, 4], [1, 99], [4, 1]])).toBe(0);
  expect(rank([[4, 3]])).toBe(1);
  expect(rank([[2, 0], [3, 0]])).toBe(1);
  expect(rank([[2, 20], [3, 4], [4, 1]])).toBe(2);
  expect(rank([[2, 12], [3, 4], [4, 1]], [[2, 12], [3, 4], [4, 1]])).toBe(0);
  expect(rank([[2, 12], [3, 4], [4, 1]], [[2, 0], [3, 0], [4, 0]])).toBe(1);
  expect(rank([[2, 12], [3, 4], [4, 1]], [[2, 0], [3, 4], [4, 1]])).toBe(2);
  expect(rank([[2, 12], [3, 4], [4, 1]], [[2, 4], [3, 8], [4, 1]])).toBe(3);
});

test("one program serves all views whose axes join alike", () => {
  const sources = [3, 5].map((n) => strided({ x: viewOf([[n, 64], [7, n]]) }).source);
  expect(sources[0]).toBe(sources[1]);
});
