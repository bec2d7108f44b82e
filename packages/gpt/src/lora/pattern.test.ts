import fc from "fast-check";
import { expect, test } from "vitest";
import { compilePattern } from "./pattern.ts";

const atoms = fc.oneof(
  fc.constantFrom("a", "b", "1", "_", "\\.", ".", "\\d", "\\w", "\\W", "[ab]", "[^ab]", "[a-z1]", "[.\\d-]", "]", "\\b", "\\B", "^", "$", "{", "-"),
);
const patterns = fc.letrec<{ pattern: string; sequence: string; part: string }>((tie) => ({
  pattern: fc.oneof({ weight: 3, arbitrary: tie("sequence") }, fc.tuple(tie("sequence"), tie("sequence")).map((both) => both.join("|"))),
  sequence: fc.array(tie("part"), { maxLength: 4 }).map((parts) => parts.join("")),
  part: fc.oneof(
    { depthSize: "small" },
    atoms,
    fc.tuple(fc.constantFrom("a", ".", "[ab]", "\\w"), fc.constantFrom("*", "+", "?", "*?", "{2}", "{1,3}", "{0,1}?", "{2,}")).map((both) => both.join("")),
    fc.tuple(fc.constantFrom("(", "(?:"), tie("pattern"), fc.constantFrom(")", ")*", ")+", ")?", ")?", "){2}", "){0,2}")).map((all) => all.join("")),
  ),
})).pattern;

test("a text is matched as a whole, as by JavaScript's own expressions", () => {
  const runs = process.env.GPT_VERIFY ? 20_000 : 600;
  let found = 0;
  fc.assert(fc.property(patterns, fc.array(fc.string({ unit: fc.constantFrom(..."ab1_.-"), maxLength: 6 }), { maxLength: 8 }), (pattern, texts) => {
    const matches = compilePattern(pattern);
    // Outside of the mode for Unicode, as in Python, a brace or bracket alone is itself.
    const own = new RegExp(`^(?:${pattern})$`);
    for (const text of texts) {
      expect(matches(text), `${pattern} of ${text}`).toBe(own.test(text));
      if (matches(text)) found++;
    }
  }), { numRuns: runs });
  expect(found).toBeGreaterThan(runs / 10);
});

test("patterns that take others for ever do not", () => {
  const text = "a".repeat(200) + "!";
  for (const pattern of ["(a*)*b", "(a+)+$b", "(a|a)*b", "(.*.*.*.*.*)*b", "(a?){90}a{90}"]) expect(compilePattern(pattern)(text)).toBe(false);
});

test.each<[string, string]>([
  ["(?=a)", "groups that begin with (?"],
  ["(?P<x>a)", "groups that begin with (?"],
  ["(a)\\1", "\\1"],
  ["a**", "a repeat of a repeat"],
  ["a++", "possessive repeats"],
  ["*", "nothing to repeat"],
  ["a)", "a ) without its ("],
  ["[a", "a [ without its ]"],
  ["[b-a]", "such a range"],
  ["a{3,2}", "such a count"],
  ["\\", "a \\ at the end"],
  ["((a{100}){100}){100}", "it is too long"],
  ["a".repeat(1001), "it has more than 1000 characters"],
  ["(".repeat(900), "a ( without its )"],
])("refuses %j", (pattern, problem) => {
  expect(() => compilePattern(pattern)).toThrow(problem);
});
