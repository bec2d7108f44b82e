import { describe, expect, test } from "vitest";
import { CodedError, isGptError } from "./errors.ts";
import { printable, printableMessage, quote } from "./printable.ts";

class ExampleError extends CodedError<string> {}

describe("printable", () => {
  test.each([
    ["escape sequences", "\u001b[2J\u001b]0;title\u0007", "\\u001b[2J\\u001b]0;title\\u0007"],
    ["their C1 forms", "\u009b31m\u009d0;title\u009c", "\\u009b31m\\u009d0;title\\u009c"],
    ["lines", "a\nb\r\nc\u0085d\u2028e\u2029", "a\\nb\\r\\nc\\u0085d\\u2028e\\u2029"],
    ["tabs, backspaces, NUL and DEL", "a\t\b\0\u007f", "a\\t\\b\\u0000\\u007f"],
    ["directions", "a\u202eb\u2066c\u2069\u200f\u061c", "a\\u202eb\\u2066c\\u2069\\u200f\\u061c"],
    ["halves of surrogate pairs", "a\ud800b\udc00", "a\\ud800b\\udc00"],
  ])("escapes %s", (_, text, expected) => expect(printable(text)).toBe(expected));

  test.each(["", "plain text", '"\\', "Grüße, שלום, 世界, 𝄞, 👨‍👩‍👧, a\u00a0b"])("leaves %j", (text) => {
    expect(printable(text)).toBe(text);
  });

  test("holds for every code unit: nothing remains that Unicode calls a control", () => {
    for (let unit = 0; unit < 2 ** 16; unit++) {
      const shown = printable(String.fromCharCode(unit));
      expect(shown, unit.toString(16)).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
    }
  });
});

describe("quote", () => {
  test("writes texts as JSON does, so that what was there can be told", () => {
    expect(quote('a"b\\c\u0007\u009b')).toBe('"a\\"b\\\\c\\u0007\\u009b"');
    expect(JSON.parse(quote('a"b\\c\n\u009b\u202e'))).toBe('a"b\\c\n\u009b\u202e');
  });

  test("cuts behind 100 characters, not within one", () => {
    expect(quote("a".repeat(100))).toBe(`"${"a".repeat(100)}"`);
    expect(quote("a".repeat(101))).toBe(`"${"a".repeat(100)}…"`);
    expect(quote(`${"a".repeat(99)}𝄞b`)).toBe(`"${"a".repeat(99)}…"`);
  });

  test("shows other values without quotes, and never more than fits a line", () => {
    expect([1.5, true, null, undefined, 10n, NaN].map(quote)).toEqual(["1.5", "true", "null", "undefined", "10", "NaN"]);
    expect([[1], { a: 1 }, Object.create(null), () => 1, Symbol("s")].map(quote)).toEqual([
      "a list", "an object", "an object", "a function", "a symbol",
    ]);
  });
});

describe("the message of an error", () => {
  test("is printable, whatever it is made of", () => {
    const error = new ExampleError("invalid-argument", "\u001b[31mno\nsuch thing");
    expect(error.message).toBe("\\u001b[31mno\\nsuch thing");
    expect(error.stack?.split("\n")[0]).toMatch(/^\w*Error: \\u001b\[31mno\\nsuch thing$/);
    expect(isGptError(error)).toBe(true);
  });

  test("is bounded, and keeps its beginning and its end", () => {
    const { message } = new ExampleError("invalid-argument", `name ${"x".repeat(900_000)} is unknown; do this`);
    expect(message.length).toBeLessThan(2100);
    expect(message).toMatch(/^name x+ … x+ is unknown; do this$/);
  });
});

describe("printableMessage", () => {
  test("is one line of at most 2,000 characters, of whole characters, and keeps both ends", () => {
    for (const unit of ["a", "\u001b", "𝄞", "a𝄞", "\ud834", "\u202e\n"]) {
      for (const length of [1, 500, 1999, 2000, 2001, 900_000]) {
        const message = printableMessage(`begin ${unit.repeat(length / unit.length)} end`);
        expect(message).toMatch(/^begin [^\p{Cc}\p{Zl}\p{Zp}\p{Cs}]* end$/u);
        expect(message.length).toBeLessThanOrEqual(2000);
      }
    }
  });
});
