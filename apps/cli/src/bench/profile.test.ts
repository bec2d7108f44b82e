import { expect, test } from "vitest";
import { formatProfile, profileOf } from "./profile.ts";

/** Two parts of a benchmark, of four steps in all. */
const parts = [
  {
    work: { calls: 10, submissions: 2, reads: 3 },
    kernels: [
      { kernel: "matmul few rows", calls: 8, milliseconds: 3 },
      { kernel: "adamw", calls: 2, milliseconds: 1 },
    ],
  },
  {
    work: { calls: 6, submissions: 2, reads: 3 },
    kernels: [{ kernel: "adamw", calls: 6, milliseconds: 12 }],
  },
];

test("a profile is the average of all parts, the longest kernel first", () => {
  expect(profileOf("step", 4, parts)).toEqual({
    per: "step",
    dispatches: 4,
    submissions: 1,
    reads: 1.5,
    milliseconds: 4,
    kernels: [
      { kernel: "adamw", calls: 2, milliseconds: 3.25 },
      { kernel: "matmul few rows", calls: 2, milliseconds: 0.75 },
    ],
  });
});

test("there is none where nothing was observed", () => {
  expect(profileOf("step", 4, [undefined])).toBeUndefined();
});

test("people get a table", () => {
  const profile = profileOf("step", 4, parts);
  expect(profile && formatProfile(profile)).toBe(
    [
      "kernel              calls/step        ms/step          share",
      "adamw                        2          3.250          81.3%",
      "matmul few rows              2          0.750          18.8%",
      "For each step: dispatches 4, submissions 1, reads 1.50, in kernels 4.000 ms",
      "",
    ].join("\n"),
  );
});
