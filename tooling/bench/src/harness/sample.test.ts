import assert from "node:assert/strict";
import { test } from "node:test";
import { bounded, compared, formatSample, milliseconds, rate } from "./rows.ts";
import { Sample } from "./sample.ts";

test("a sample's quantiles lie between its values, whatever their order", () => {
  const sample = new Sample([10, 2, 4, 1]);
  assert.deepEqual([sample.min, sample.median, sample.max], [1, 3, 10]);
  assert.equal(sample.quantile(0.25), 1.75);
  assert.equal(new Sample([7]).quantile(0.75), 7);
  assert.deepEqual(sample.times(3).values, [3, 6, 12, 30]);
});

test("a sample refuses nothing, and what is no number", () => {
  assert.throws(() => new Sample([]), RangeError);
  assert.throws(() => new Sample([1, NaN]), RangeError);
});

test("a ratio is how many times faster ours is, by the medians and by the best", () => {
  const [ours, theirs] = [new Sample([2, 2, 8]), new Sample([3, 5, 6])];
  const row = compared({ work: "w", unit: milliseconds, ours, against: "a", theirs, demanded: 2.5 });
  assert.deepEqual([row.ratio, row.bestRatio, row.reached], [2.5, 1.5, true]);
  assert.equal(compared({ work: "w", unit: milliseconds, ours, against: "a", theirs, demanded: 2.6 }).reached, false);
});

test("a bound is reached from below", () => {
  const bound = { work: "w", ours: "", max: 60, demanded: "60 s" };
  assert.deepEqual(
    [59, 60, 61].map((value) => bounded({ ...bound, value }).reached),
    [true, true, false],
  );
});

test("rates are by the second, with their quartiles in order", () => {
  const unit = rate("GFLOP/s", 2e9, 1e9);
  assert.equal(formatSample(new Sample([10, 20, 40, 50, 100]), unit), "50.0 GFLOP/s (40.0–100)");
});
