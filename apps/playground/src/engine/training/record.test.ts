import { expect, it } from "vitest";
import type { RunHistory } from "../api/training.ts";
import { emptyHistory, readHistory } from "./record.ts";

const point = { step: 1, loss: 2, rate: 0.01, norms: [1, 2, 3] };
const history: RunHistory = { points: [point], moments: [{ step: 0, loss: null, prompt: "a", sample: "b" }] };

it("reads what a run saw", () => {
  expect(readHistory(JSON.stringify(history))).toEqual(history);
});

it("takes nothing from a file that is missing, of another kind, or larger than any of ours", () => {
  const norms = Array.from({ length: 1000 }, () => 1);
  const others = [undefined, "", "[]", "{}", ...[{ ...point, norms }, { ...point, norms: ["1"] }, { ...point, loss: null }].map((other) => JSON.stringify({ ...history, points: [other] }))];
  for (const text of others) expect(readHistory(text)).toEqual(emptyHistory);
});
