import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TokenizerError } from "./errors.ts";
import { passOn, quote, showName } from "./messages.ts";

/** Characters that would change how a message looks, or what stands around it. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe("quote", () => {
  it.each<[value: unknown, shown: string]>([
    ["plain", '"plain"'],
    ['say "no" \\', '"say \\"no\\" \\\\"'],
    ["\u001B[31mred\u0007\n\r\t", '"\\u001b[31mred\\u0007\\n\\r\\t"'],
    ["a\u202Eb\u2066c\u200Bd\u2028e\uFEFFf\u0085", '"a\\u202eb\\u2066c\\u200bd\\u2028e\\ufefff\\u0085"'],
    ["\uD83D", '"\\ud83d"'],
    ["\u{E0041}", '"\\udb40\\udc41"'],
    ["👋 漢 é", '"👋 漢 é"'],
    ["a".repeat(101), `"${"a".repeat(100)}…"`],
    ["\n".repeat(60), `"${"\\n".repeat(50)}…"`],
    [{ a: ["\n"] }, '{"a":["\\n"]}'],
    [Array.from({ length: 100 }, () => 12), `[${"12,".repeat(33)}…`],
    [NaN, "NaN"],
    [undefined, "undefined"],
    [null, "null"],
    [5n, "5"],
    [() => 1, "a function"],
    [Symbol("x"), "a symbol"],
  ])("value %#", (value, shown) => expect(quote(value)).toBe(shown));

  it("shows what has no JSON", () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(quote(circle)).toBe("an object");
  });
});

it("never gives more than it says, or anything that does not print", () => {
  const anyString = fc.string({ unit: "binary", maxLength: 5000, size: "max" });
  let wasCut = 0;
  fc.assert(
    fc.property(anyString, (text) => {
      if (text.length > 2000) wasCut++;
      for (const [shown, limit] of [
        [quote(text), 103],
        [passOn(text), 101],
        [showName(text), 1801],
      ] as const) {
        expect(shown.length).toBeLessThanOrEqual(limit);
        expect(shown).not.toMatch(unprintable);
      }
      expect(new TokenizerError("invalid-file", text).message).toMatch(/^[^\p{Cc}\p{Zl}\p{Zp}\p{Cs}]{0,2000}$/u);
    }),
    { numRuns: 200, seed: 1 },
  );
  expect(wasCut).toBeGreaterThan(50);
});

it("keeps the end of a long name", () => {
  expect(showName("short/tokenizer.json")).toBe("short/tokenizer.json");
  expect(showName(`${"a".repeat(1000)}/tokenizer.json`)).toMatch(/^…a{284}\/tokenizer\.json$/);
});
