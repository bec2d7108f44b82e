import { expect, test } from "vitest";
import { Curve, drawChart } from "./chart.ts";
import type { Chart, Point } from "./chart.ts";

const points = (...losses: number[]): Point[] => losses.map((loss, i) => ({ step: i + 1, loss }));
const empty = { training: [], validation: [] };
const linesOf = ({ rows }: Chart): string[] => rows.map((spans) => spans.map(({ text }) => text).join(""));

test("equal factors are equal heights: a loss that halves at every step falls in a straight line", () => {
  const halving = points(128, 64, 32, 16, 8, 4, 2, 1);
  const chart = drawChart({ ...empty, training: halving, steps: 16 }, 8, 2);
  expect(linesOf(chart)).toEqual(["⠑⢄      ", "  ⠑⢄    "]);
  const [top, middle, bottom] = chart.labels;
  expect(top).toBeCloseTo(128, 10);
  expect(middle).toBeCloseTo(Math.sqrt(128), 10);
  expect(bottom).toBeCloseTo(1, 10);
});

test("a straight line joins points that are far apart, from the first one on", () => {
  const two = [{ step: 4, loss: 16 }, { step: 16, loss: 1 }];
  expect(linesOf(drawChart({ ...empty, training: two, steps: 16 }, 8, 2))).toEqual([" ⠈⠒⠤⡀   ", "    ⠈⠑⠢⢄"]);
});

test("a constant loss is a line in the middle of an axis with three different labels", () => {
  const constant = [{ step: 4, loss: 2 }, { step: 8, loss: 2 }];
  const { rows, labels } = drawChart({ ...empty, training: constant, steps: 8 }, 4, 3);
  expect(rows.map((spans) => spans.map(({ series }) => series))).toEqual([[undefined], [undefined, "training"], [undefined]]);
  expect(new Set(labels.map((label) => label.toPrecision(3))).size).toBe(3);
  expect(labels[1]).toBeCloseTo(2, 10);
});

test("validation is marked above the curve, and the floor is a line below it", () => {
  const training = points(8, 4, 2, 2, 2, 2, 2, 2);
  const validation = [{ step: 4, loss: 8 }, { step: 8, loss: 2 }];
  const { rows, labels } = drawChart({ steps: 8, training, validation, floor: 1 }, 8, 3);
  expect(rows).toEqual([
    [{ text: "⠈⢆", series: "training" }, { text: " " }, { text: "●", series: "validation" }, { text: "    " }],
    [{ text: " " }, { text: "⠈⢆⣀⣀⣀⣀", series: "training" }, { text: "●", series: "validation" }],
    [{ text: "⡀⡀⡀⡀⡀⡀⡀⡀", series: "floor" }],
  ]);
  expect(labels[2]).toBeCloseTo(1, 10);
});

test("the floor goes on below a curve that comes near it", () => {
  const [spans] = drawChart({ ...empty, training: points(2, 2, 2, 2), steps: 4, floor: 1 }, 4, 1).rows;
  expect(spans).toEqual([{ text: "⡈⡉⡉⡉", series: "training" }]);
});

test("marks keep a distance, the newest of those that are too near one another", () => {
  const validation = points(...Array.from({ length: 60 }, (_, i) => 60 - i));
  const [spans] = drawChart({ ...empty, validation, steps: 60 }, 30, 1).rows;
  expect(spans.map(({ text }) => text).join("")).toBe("  ●".repeat(10));
});

test("draws nothing of a run that has no losses yet, and leaves out what no axis has", () => {
  expect(linesOf(drawChart({ ...empty, steps: 8 }, 4, 1))).toEqual(["    "]);
  const { labels } = drawChart({ ...empty, training: points(2, Infinity, NaN, 0, 1), steps: 5 }, 10, 3);
  expect(labels[0]).toBeCloseTo(2, 10);
  expect(labels[2]).toBeCloseTo(1e-6, 16);
});

test("a curve keeps means of a run of any length, in bounded memory", () => {
  const steps = 1_000_000;
  const curve = new Curve(steps);
  for (let step = 10; step <= steps; step += 10) curve.add({ step, loss: step <= steps / 2 ? 4 : step % 20 === 0 ? 1 : 3 });
  expect(curve.points.length).toBeLessThanOrEqual(4096);
  expect(curve.points[0].loss).toBe(4);
  expect(curve.points.at(-1)!.loss).toBeCloseTo(2, 1);
  expect(curve.points.at(-1)!.step).toBe(steps);
  const few = points(3, 2, 1);
  const short = new Curve(1000);
  for (const point of few) short.add(point);
  expect(short.points).toEqual(few);
});
