import { expect, test } from "vitest";
import { columnsOf } from "../terminal-text.ts";
import { fitFields, layOut } from "./layout.ts";
import type { Progress } from "./layout.ts";

const steps = 123_456;
const curve = Array.from({ length: 100 }, (_, i) => ({ step: (i + 1) * 1000, loss: 12 / (i + 1) }));
const progress: Progress = {
  step: 100_000,
  steps,
  loss: 0.12,
  learningRate: 1e-3,
  gradientNorm: 0.5,
  tokensPerSecond: 28_920,
  secondsLeft: 7384,
  training: curve,
  validation: curve.filter((_, i) => i % 10 === 9),
  floor: 0.1,
  samples: Array.from({ length: 20 }, (_, i) => ({ step: 1000 * i, text: `漢字 word\n\u001b[31m ${"long ".repeat(60)}` })),
};
const tuned: Progress = {
  ...progress,
  metrics: { accuracy: 0.9312, f1: 0.9, rewardMargin: 0.01234 },
  asked: { prompt: `${"long ".repeat(60)}\u001b[31m 漢字 👨‍👩‍👧?`, wanted: "an\nanswer 👍 ".repeat(20) },
};
const plain = { ...progress, floor: undefined, samples: undefined, validation: [] };

test("no line is wider than the terminal, nor are all together higher, at any size", () => {
  for (const state of [progress, tuned, plain, { ...progress, evaluated: 0.5 }, { ...progress, loss: 0, floor: 1e-9, step: 1 }]) {
    for (const columns of [...Array(32).keys(), 40, 60, 80, 81, 140, 260].slice(1)) {
      for (const rows of [1, 2, 3, 8, 9, 10, 24, 40, 100]) {
        const lines = layOut(state, { columns, rows });
        expect(lines.length, `${columns} × ${rows}`).toBeLessThanOrEqual(Math.max(1, rows - 1));
        for (const line of lines) {
          expect(columnsOf(line), `${columns} × ${rows}: ${line}`).toBeLessThan(columns);
          expect(line).not.toMatch(/\p{Cc}/u);
        }
      }
    }
  }
});

test("a terminal is used in full: the chart grows with it in both directions", () => {
  const charts = [[80, 24], [140, 24], [140, 40], [250, 70]].map(([columns, rows]) => {
    const lines = layOut(progress, { columns, rows }).filter((line) => line.includes("│"));
    return [Math.max(...lines.map((line) => line.length)), lines.length];
  });
  expect(charts).toEqual([[79, 15], [139, 15], [139, 29], [249, 57]]);
});

test("an axis has three labels, and a terminal that is too small for one has the status alone", () => {
  const labels = (columns: number, rows: number): string[] =>
    layOut(plain, { columns, rows }).flatMap((line) => /^ *(\S+) *│/.exec(line)?.[1] ?? []);
  expect(labels(80, 24)).toEqual(["12.0", "1.20", "0.120"]);
  expect(labels(28, 24)).toEqual([]);
  expect(labels(80, 6)).toEqual([]);
  expect(layOut(plain, { columns: 60, rows: 3 })).toEqual(["step 100,000 of 123,456 · loss 0.120 · 2 h 3 min left"]);
});

test("fields stay by priority, in their order, down to the first one alone", () => {
  const fields = [
    { text: "aaaa", priority: 1 }, { text: "bbbb", priority: 3 }, { text: "cccccccc", priority: 2 }, { text: "d", priority: 4 },
  ];
  const shown = (columns: number): string => fitFields(fields, columns).map(({ text }) => text[0]).join("");
  expect([26, 25, 22, 21, 15, 14, 4, 1].map(shown)).toEqual(["abcd", "abc", "abc", "ac", "ac", "a", "a", "a"]);
});

test("the status says what counts first, and while it validates how far it has come", () => {
  const status = (columns: number, state = progress): string => layOut(state, { columns, rows: 3 })[0];
  expect(status(12)).toBe("step 100,00");
  expect(status(40)).toBe("step 100,000 of 123,456 · loss 0.120");
  expect(status(80, { ...progress, evaluated: 0.25 })).toBe(
    "step 100,000 of 123,456 · loss 0.120 · ● validation 0.120 · validating 25%",
  );
  expect(status(200)).toBe(
    "step 100,000 of 123,456 · loss 0.120 · ● validation 0.120 · entropy 0.100 · 28,920 tokens/s · " +
      "learning rate 1.0e-3 · gradient norm 0.50 · 2 h 3 min left",
  );
});

test("the first sample and the newest are shown, as many as there is room for, on a line each", () => {
  const samples = (rows: number): string[] => layOut(progress, { columns: 80, rows }).filter((line) => line.includes("漢字"));
  expect(samples(24).map((line) => line.trimStart().split(" ")[0])).toEqual(["0", "17,000", "18,000", "19,000"]);
  expect(samples(8).map((line) => line.trimStart().split(" ")[0])).toEqual(["19,000"]);
  expect(samples(24).at(-1)).toMatch(/^ 19,000 {2}漢字 word\\n\\u001b\[31m long /);
  expect(samples(70)).toHaveLength(8);
  expect(layOut(plain, { columns: 80, rows: 24 }).length).toBe(layOut(progress, { columns: 80, rows: 24 }).length);
});

test("a question stands above its answers, its end and what is wanted; measures of the task in the status", () => {
  const lines = layOut(tuned, { columns: 100, rows: 30 });
  expect(lines.slice(-5)[0]).toMatch(/^ prompt {2}….*long \\u001b\[31m 漢字 👨‍👩‍👧\?$/u);
  expect(lines.slice(-5)[1]).toMatch(/^ wanted {2}an answer 👍 an answer 👍/u);
  expect(lines.slice(-3).map((line) => line.trimStart().split(" ")[0])).toEqual(["0", "18,000", "19,000"]);
  expect(layOut(tuned, { columns: 100, rows: 13 }).slice(-1)[0]).toMatch(/^ 19,000/);
  expect(layOut(tuned, { columns: 200, rows: 30 }).join("\n")).toContain("● validation 0.120 · accuracy 93.1% · F1 90.0% · reward margin 0.0123 · ");
});
