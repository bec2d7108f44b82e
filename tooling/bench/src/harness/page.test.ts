import assert from "node:assert/strict";
import { test } from "node:test";
import { insertSection } from "./page.ts";
import { formatSection } from "./report.ts";

test("a section takes the place of the one before, and nothing else changes", () => {
  const first = insertSection("# Title\n", "a", "one");
  const both = `${insertSection(first, "b", "two")}\nEnd.\n`;
  const changed = insertSection(both, "a", "$& three");
  assert.equal(
    changed,
    both.replace("one", () => "$& three"),
  );
  assert.match(changed, /^# Title\n\n<!-- bench a -->[^]*<!-- bench b -->[^]*two[^]*\nEnd\.\n$/);
});

test("a table has a line for each row, and says what was reached", () => {
  const row = { work: "w", ours: "1 ms", against: "a", theirs: "2 ms", ratio: 2, bestRatio: 1.5 };
  const rows = [
    { ...row, demanded: "≥ 1.8", reached: true },
    { work: "v", ours: "3 s", demanded: "≤ 2 s", reached: false },
  ];
  assert.equal(
    formatSection({ title: "T", rows, notes: ["n"], failures: ["f"] }),
    `## T

| work | ours | against | theirs | ratio | of the best | demanded |
| --- | --- | --- | --- | --- | --- | --- |
| w | 1 ms | a | 2 ms | 2.00 × | 1.50 × | ≥ 1.8 ✓ |
| v | 3 s |  |  |  |  | ≤ 2 s ✗ |

- n
- **failed**: f
`,
  );
});
