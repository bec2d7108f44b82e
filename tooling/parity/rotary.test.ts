import { rotaryTable } from "@gpt/gpt";
import type { RotaryConfig } from "@gpt/gpt";
import { expect, test } from "vitest";
import { readJson } from "./fixtures.ts";

/** Cosines, then sines, of some positions. */
interface TableFixture {
  readonly headDim: number;
  readonly rotary: RotaryConfig;
  readonly positions: number[];
  readonly table: number[][];
}

test.each(readJson<TableFixture[]>("rotary.json"))("angles of $rotary", ({ headDim, rotary, positions, table }) => {
  const ours = rotaryTable(positions, headDim, rotary);
  const theirs = table.flat();
  expect(ours).toHaveLength(theirs.length);
  // An angle of 100,000 turns has 11 digits behind the point in float64.
  ours.forEach((value, i) => expect(Math.abs(value - theirs[i])).toBeLessThan(1e-6));
});
