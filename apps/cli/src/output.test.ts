import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Output } from "./output.ts";

let written = "";
beforeEach(() => {
  written = "";
  vi.useFakeTimers({ toFake: ["performance"] });
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    written += String(text);
    return true;
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("without a terminal, progress is a line after a second, and every ten seconds then; what takes less says nothing", () => {
  const output = new Output({ json: true });
  for (let half = 0; half <= 50; half++) {
    output.progress(`${half / 2} s`);
    vi.advanceTimersByTime(500);
  }
  expect(written).toBe("1 s\n11 s\n21 s\n");
  output.endPanel();
  output.progress("something else\u001b[31m");
  vi.advanceTimersByTime(900);
  output.progress("something else");
  expect(written).toBe("1 s\n11 s\n21 s\n");
});
