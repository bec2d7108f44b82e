import { styleText } from "node:util";
import { expect, test } from "vitest";
import { columnsOf, cutToColumns, endInColumns, onOneLine, shownLines, ShownText } from "./terminal-text.ts";

test("lines of ours keep their ends and their styles, and nothing else that a terminal obeys", () => {
  const red = styleText("red", "error:", { validateStream: false });
  expect(shownLines(`${red} a\n\u001b[2Jb\u001b[8mc\r\t\u009b1m\u202e`)).toBe(
    `${red} a\n\\u001b[2Jb\\u001b[8mc\\r\\t\\u009b1m\\u202e`,
  );
});

test("a text of a model keeps lines and tabs, and cannot steer a terminal", () => {
  const shown = new ShownText();
  const pieces = ["one\n\ttwo\r", "\nthree\rfour \u001b", "[31mred\u001b[0m\u0007 שלום\u200f 👨‍👩‍👧\r"];
  expect(pieces.map((piece) => shown.push(piece)).join("")).toBe(
    "one\n\ttwo\nthree\\rfour \\u001b[31mred\\u001b[0m\\u0007 שלום\u200f 👨‍👩‍👧",
  );
});

test("the columns of a line, whatever its styles; and what of a text fits into some, in whole characters", () => {
  const red = styleText("red", "é│⣿●…", { validateStream: false });
  expect([red, "漢字", "ｆ", "한글", "👍", "שלום"].map(columnsOf)).toEqual([5, 4, 2, 4, 2, 4]);
  expect([0, 1, 2, 3, 9].map((columns) => cutToColumns("a漢b", columns))).toEqual(["", "a", "a", "a漢", "a漢b"]);
  expect(cutToColumns("e\u0301e\u0301", 3)).toBe("e\u0301");
  expect(cutToColumns("👨‍👩‍👧", 2)).toBe("");
  expect([0, 1, 2, 3, 4, 9].map((columns) => endInColumns("a漢b", columns))).toEqual(["", "…", "…b", "…b", "a漢b", "a漢b"]);
  expect(endInColumns("ae\u0301e\u0301", 3)).toBe("…e\u0301");
  expect(onOneLine(" a\r\n\tb\u001b[31m ")).toBe("a b\\u001b[31m");
});
