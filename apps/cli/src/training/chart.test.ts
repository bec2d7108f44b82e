import { expect, test } from "vitest";
import { drawCurve } from "./chart.ts";

test("draws a curve as far as the run has come, from the largest value to the least", () => {
  const falling = Array.from({ length: 8 }, (_, i) => ({ step: i + 1, value: 8 - i }));
  expect(drawCurve(falling, 16, 8, 2)).toEqual({ lines: ["⠑⢄⠀⠀⠀⠀⠀⠀", "⠀⠀⠑⢄⠀⠀⠀⠀"], min: 1, largest: 8 });
});

test("begins where the first point is, and draws a constant as a line", () => {
  const constant = [{ step: 4, value: 1 }, { step: 8, value: 1 }];
  expect(drawCurve(constant, 8, 4, 1)).toEqual({ lines: ["⠀⢀⣀⣀"], min: 1, largest: 1 });
});
