import { expect, test } from "vitest";
import { formatAnswer, formatBytes, formatCount, formatDuration, formatMetric, formatRoughly, LineWrapper } from "./format.ts";

test("numbers for people", () => {
  expect([0, 999.6, 1234567].map(formatCount)).toEqual(["0", "1,000", "1,234,567"]);
  expect([12, 1500, 1_990_000_000].map(formatBytes)).toEqual(["12 bytes", "1.50 kB", "1.99 GB"]);
  expect([0.4, 59.6, 125, 7384].map(formatDuration)).toEqual(["0 s", "1 min 0 s", "2 min 5 s", "2 h 3 min"]);
  expect([59.6, 85, 125, 3500, 7384].map(formatRoughly)).toEqual(["1 min 0 s", "1 min 25 s", "2 min", "58 min", "2 h 3 min"]);
});

test("measures and answers for people, on a line", () => {
  expect(Object.entries({ accuracy: 0.9312, f1: 1, rewardMargin: 0.01234, other: 2 }).map(([name, value]) => formatMetric(name, value))).toEqual(
    ["accuracy 93.1%", "F1 100.0%", "reward margin 0.0123", "other 2.00"],
  );
  expect(formatAnswer("Who?\n", "I am")).toBe("Who? → I am");
  expect(formatAnswer(`${"long ".repeat(40)}end`, "", "I\nam")).toMatch(/^….{79} → \(nothing\) \(wanted I am\)$/);
});

test("lines end between words, and lose nothing but spaces", () => {
  const words = "a stream of words some of which are considerably longer than others and all of which stay whole".split(" ");
  for (let columns = 12; columns < 60; columns++) {
    const wrapper = new LineWrapper(columns);
    const text = words.map((word, i) => wrapper.push(i === 0 ? word : ` ${word}`)).join("");
    expect(text.split(/\s/)).toEqual(words);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(columns);
  }
  expect(new LineWrapper(9).push("One.\n\nTwo three four")).toBe("One.\n\nTwo three\nfour");
});
