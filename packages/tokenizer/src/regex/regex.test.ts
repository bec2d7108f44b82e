import { describe, expect, it } from "vitest";
import { TokenizerError } from "../errors.ts";
import { RegexError } from "./parse.ts";
import { Regex } from "./regex.ts";

/** What an expression finds in a text. The values are Oniguruma's (tooling/interop compares thousands). */
function found(expression: string, text: string): string[] {
  const spans = new Regex(expression).spans(text);
  return Array.from({ length: spans.length / 2 }, (_, index) => text.slice(spans[2 * index], spans[2 * index + 1]));
}

describe("expressions in the syntax of Oniguruma", () => {
  it.each<[expression: string, text: string, found: string[]]>([
    ["(?i:'s|'LL)", "'S 'ſ 'lL 's", ["'S", "'ſ", "'lL", "'s"]],
    ["(?i)ab|c", "AB C", ["AB", "C"]],
    ["[^\\s\\p{L}]++|\\p{L}+?", "ab 12", ["a", "b", "12"]],
    ["(?>a|ab)c", "abc ac", ["ac"]],
    ["a{,2}b", "aaab", ["aab"]],
    ["(?<=\\n)x|^y$", "x\nx\ny\n", ["x", "y"]],
    ["[a-z&&[^aeiou]]+", "hello", ["h", "ll"]],
    ["[[:punct:]]|\\h", "a+g!", ["a", "+", "!"]],
    ["\\x{6f22}|\\u5b57", "漢字", ["漢", "字"]],
    ["[]a]+|[\\w-]", "a]-", ["a]", "-"]],
    ["(?x) a  b # both\n", "ab", ["ab"]],
    ["(?<name>a)(?#not b)c", "ac", ["ac"]],
    ["^", "a\nb\n", ["", ""]],
    ["(?=\\p{Lu})", "aBc", [""]],
    ["(\\s(é??|a)?)", "\té", ["\t"]],
    ["\\w", "²", ["²"]],
    ["[\\w]", "²", []],
    ["\\p{L}", "\u{16ea0}", []],
  ])("%s on %j", (expression, text, expected) => {
    expect(found(expression, text)).toEqual(expected);
  });

  it.each<[expression: string, problem: RegExp]>([
    ["(a+)+", /repeats what may be matched in several ways/],
    ["(?:a|ab)*", /repeats what may be matched in several ways/],
    ["(?:a?){30}", /repeats what may be matched in several ways/],
    ["\\p{N}{1,3}+", /repeats what may be matched in several ways/],
    ["a*a*b", /may take quadratic time/],
    ["\\s*\\w*\\s*[^a]*x", /may take quadratic time/],
    [`${"a?".repeat(20)}b`, /too many alternatives/],
    [`${"(?:a|aa)".repeat(20)}b`, /too many alternatives/],
    ["(?<=a*)b", /looks behind for what may have different lengths/],
    ["(a)\\1", /has \\1/],
    ["\\k<a>", /has \\k/],
    ["\\R", /has \\R/],
    ["(?(1)a|b)", /has a group of a kind/],
    ["\\p{Nonsense}", /has the property \{Nonsense\}/],
    ["(?i:ß)", /ignores the case of characters that are not ASCII/],
    ["(?i:\\p{Lu})", /ignores the case of/],
    ["(?i:off)", /ignores the case of off, of which one character may be the equal/],
    ["a{1001}", /repeats more than 1000 times/],
    ["a{3,2}", /repeats at least more often than at most/],
    ["(", /ends too early|without "\)"/],
    [")", /has "\)" without "\("/],
    ["[a", /ends too early/],
    ["*a", /has \* with nothing to repeat/],
    ["[b-a]", /has a range that does not end with a later character/],
    ["(".repeat(60) + ")".repeat(60), /is nested more than 50 deep/],
    ["a".repeat(10_001), /is longer than 10000/],
  ])("refuses %s", (expression, problem) => {
    expect(() => new Regex(expression)).toThrow(RegexError);
    expect(() => new Regex(expression)).toThrow(problem);
  });

  const o200k = String.raw`[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
  const qwen = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
  const deepseek = String.raw`[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_\x60{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

  it.each([o200k, qwen, deepseek])("those of models take a million of anything: %.30s", { timeout: 120_000 }, (expression) => {
    const regex = new Regex(expression);
    for (const unit of [" ", "\n", "a", "A", "漢", "-", "1", "\u0301", " \n", "😀", "aB"]) {
      const text = unit.repeat(1_000_000);
      expect(regex.spans(`${text}x`).at(-1)).toBe(text.length + 1);
    }
  });

  it("one that goes over a stretch from each of its characters has a bound for it", () => {
    const regex = new Regex("a+b");
    expect(regex.spans(`${"a".repeat(2000)}b`)).toEqual([0, 2001]);
    expect(() => regex.spans(`x${"a".repeat(3000)}b`)).toThrow(TokenizerError);
    expect(() => regex.spans(`x${"a".repeat(3000)}b`)).toThrow(/a stretch of the text is too long .* at character 1 of what is encoded; break it/);
    expect(regex.spans("c".repeat(1_000_000))).toEqual([]);
  });
});
