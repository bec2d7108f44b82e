import { expect, test } from "vitest";
import { formatValues } from "./format.ts";

const count = (size: number): number[] => Array.from({ length: size }, (_, i) => i);

test.each([
  { values: [7], shape: [], text: "7" },
  { values: count(4), shape: [2, 2], text: "[[0, 1], [2, 3]]" },
  { values: count(7), shape: [7], text: "[0, 1, 2, 3, 4, 5, 6]" },
  { values: count(8), shape: [8], text: "[0, 1, 2, …, 5, 6, 7]" },
  { values: count(18), shape: [9, 2], text: "[[0, 1], [2, 3], [4, 5], …, [12, 13], [14, 15], [16, 17]]" },
  { values: count(20), shape: [2, 10], text: "[[0, 1, 2, …, 7, 8, 9], [10, 11, 12, …, 17, 18, 19]]" },
  { values: [], shape: [0], text: "[]" },
  { values: [], shape: [0, 3], text: "[]" },
  { values: [], shape: [2, 0], text: "[[], []]" },
  { values: [], shape: [9, 0], text: "[[], [], [], …, [], [], []]" },
])("$shape", ({ values, shape, text }) => {
  expect(formatValues(values, shape)).toBe(text);
});

test.each([
  [1 / 3, "0.3333"],
  [-1234.56, "-1235"],
  [123456.7, "123457"],
  [1e-10 / 3, "3.333e-11"],
  [16777216, "16777216"],
  [NaN, "NaN"],
  [-Infinity, "-Infinity"],
  [-0, "0"],
])("%d as %s", (value, text) => {
  expect(formatValues([value], [])).toBe(text);
});
