import { expect, test } from "vitest";
import { Panel } from "./panel.ts";

const begin = "\u001b[?2026h\u001b[?7l";
const end = "\u001b[?7h\u001b[?2026l";

test("lines are drawn over those before, and cleared to the end where they become fewer", () => {
  const panel = new Panel();
  expect(panel.draw(["one", "two"], 80)).toBe(`${begin}one\u001b[K\ntwo\u001b[K\n\u001b[J${end}`);
  expect(panel.draw(["three"], 80)).toBe(`${begin}\r\u001b[2Athree\u001b[K\n\u001b[J${end}`);
  expect(panel.clear(80)).toBe("\r\u001b[1A\u001b[J");
  expect(panel.clear(80)).toBe("");
});

test("a terminal that became narrower has wrapped lines", () => {
  const panel = new Panel();
  panel.draw(["", "x".repeat(79), "y".repeat(200)], 80);
  expect(panel.clear(40)).toBe("\r\u001b[5A\u001b[J");
});

test("lines that are kept are not drawn over", () => {
  const panel = new Panel();
  panel.draw(["one"], 80);
  panel.keep();
  expect(panel.clear(80)).toBe("");
});
