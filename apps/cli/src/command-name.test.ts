import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { shellWord } from "./command-name.ts";

test("words that are shown to be copied", () => {
  expect(["runs/book", "C:x", "my runs", "it's", "$(rm)", "-x", ""].map(shellWord)).toEqual([
    "runs/book", "C:x", "'my runs'", "'it'\\''s'", "'$(rm)'", "'-x'", "''",
  ]);
});

test.runIf(process.platform !== "win32")("are one word to a shell, whatever is in them", () => {
  for (const word of ["a b", "it's", '"', "$HOME `id` \\", "*", "~", "a\nb", "#", ""]) {
    expect(execFileSync("sh", ["-c", `printf %s ${shellWord(word)}`], { encoding: "utf8" })).toBe(word);
  }
});
