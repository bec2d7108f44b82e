import { expect, test } from "vitest";
import { formatRows } from "./rows.ts";
import type { Row } from "./rows.ts";

const rows: readonly Row[] = [
  ["layers", "12, each with 12 heads of 64"],
  ["", ""],
  ["memory to run", "498 MB f32, 251 MB f16, 251 MB bf16, 135 MB int8, 73.1 MB int4, 69.3 MB mxfp4"],
  ["  split", "8 × 6 × 21"],
];

test("files have a line for each row", () => {
  expect(formatRows(rows)).toBe(
    `layers              12, each with 12 heads of 64\n\nmemory to run       ${rows[2][1]}\n  split             8 × 6 × 21\n`,
  );
});

test("terminals have values beside names, or below where they are narrow, and numbers beside their units", () => {
  expect(formatRows(rows, 80)).toBe(`\
layers              12, each with 12 heads of 64

memory to run       498 MB f32, 251 MB f16, 251 MB bf16, 135 MB int8,
                    73.1 MB int4, 69.3 MB mxfp4
  split             8 × 6 × 21
`);
  expect(formatRows(rows, 40)).toBe(`\
layers
    12, each with 12 heads of 64

memory to run
    498 MB f32, 251 MB f16, 251 MB bf16,
    135 MB int8, 73.1 MB int4,
    69.3 MB mxfp4
  split             8 × 6 × 21
`);
  for (let columns = 30; columns < 120; columns++) {
    for (const line of formatRows(rows, columns).split("\n")) expect(line.length).toBeLessThanOrEqual(columns);
  }
});
