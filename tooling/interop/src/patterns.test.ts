import { Tokenizer } from "tokenizers";
import { expect, test } from "vitest";
import { JsonValue } from "../../../packages/tokenizer/src/files/json.ts";
import { readPreTokenizer, split } from "../../../packages/tokenizer/src/pipeline/pre-tokenizers.ts";
import { smallJson } from "../../../packages/tokenizer/test/tokenizer-cases.ts";

// Expressions of files are translated to JavaScript's: generated ones split texts as Oniguruma does in the Rust library, or
// are refused.

/** A generator of Lehmer's kind: the same numbers each time. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff;
}

const random = randomNumbers(77);
const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
const chance = (probability: number): boolean => random() < probability;

const atoms = [
  "a", "b", "T", " ", "1", "é", "漢", "'", "-", "\\.", "\\s", "\\S", "\\d", "\\D", "\\w", "\\W", "\\h", ".", "\\n", "\\r", "\\t", "\\x41", "\\x{6f22}", "\\u00e9",
  "\\p{L}", "\\p{Lu}", "\\p{N}", "\\p{P}", "\\P{L}", "\\p{^N}", "\\p{Han}", "\\p{M}", "\\p{S}", "\\p{Alpha}",
];
const inClass = [
  "a-f", "A-Z", "0-9", "é", "\\s", "\\p{L}", "\\p{Lu}", "\\P{N}", "\\r\\n", "漢", ".", "'", "\\-", "\\]", " ", "[:alpha:]", "[:punct:]", "[aeiou]", "[^a-z]", "&&[a-p]", "&&\\w", "-", "|", "(",
];

function atom(depth: number): string {
  const kind = random();
  if (kind < 0.5 || depth > 2) return pick(atoms);
  if (kind < 0.75) return `[${chance(0.3) ? "^" : ""}${Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(inClass)).join("")}]`;
  if (kind < 0.9) return `(${pick(["?:", "?:", "", "?>", "?i:", "?<n>"])}${choice(depth + 1)})`;
  return `(${pick(["?=", "?!", "?<=", "?<!"])}${atom(3)})`;
}

function piece(depth: number): string {
  const body = atom(depth);
  if (chance(0.5) || /^\(\?[=!<][^n]|^\(\?<[=!]/.test(body)) return body;
  return body + pick(["*", "+", "?", "{2}", "{1,3}", "{2,}", "{,2}", "*?", "+?", "??", "*+", "++", "?+"]);
}

function sequence(depth: number): string {
  return Array.from({ length: 1 + Math.floor(random() * 3) }, () => piece(depth)).join("");
}

function choice(depth: number): string {
  return Array.from({ length: chance(0.3) ? 1 + Math.floor(random() * 3) : 1 }, () => sequence(depth)).join("|");
}

const ends = ["^", "$", "\\b", "\\B", "\\A", "\\z", "\\Z", "(?i)", ""];
const units = [..."abcTAF 19éÉ漢字'-.\n\r\t_!,$", "  ", "ab", "aT", "\u0301", "ſ", "K", "\u0085", "😀", "٣", "²", "\r\n"];

function stepsOf(expression: string, behavior: string, invert: boolean) {
  const value = { type: "Split", pattern: { Regex: expression }, behavior, invert };
  return { value, read: () => readPreTokenizer(JsonValue.parse({ text: JSON.stringify(value), name: "t" })).steps };
}

test("generated expressions split texts in the same way", { timeout: 1_800_000 }, () => {
  let compared = 0;
  let refused = 0;
  for (let run = 0; run < 6000; run++) {
    const expression = `${chance(0.2) ? pick(ends) : ""}${choice(0)}${chance(0.15) ? pick(ends.slice(0, 7)) : ""}`;
    const { value, read } = stepsOf(expression, pick(["Isolated", "Removed", "MergedWithNext", "MergedWithPrevious", "Contiguous"]), chance(0.3));
    let steps: ReturnType<typeof read>;
    try {
      steps = read();
    } catch {
      refused++;
      continue;
    }
    const json = smallJson({ pre_tokenizer: value });
    let theirs: ReturnType<Tokenizer["getPreTokenizer"]>;
    try {
      theirs = Tokenizer.fromString(JSON.stringify(json)).getPreTokenizer();
    } catch {
      // Oniguruma refuses some that are read here.
      continue;
    }
    for (let count = 0; count < 6; count++) {
      const text = Array.from({ length: Math.floor(random() * 14) }, () => pick(units)).join("");
      const expected = (theirs!.preTokenizeString(text) as [string, unknown][] | null)?.map(([part]) => part);
      const found = Array.from(split({ text, isFirst: true }, steps), (part) => part.text);
      expect(found, `${expression} on ${JSON.stringify(text)} (${JSON.stringify(value)})`).toEqual(expected);
      compared++;
    }
  }
  console.info(`${compared} splits compared, ${refused} expressions refused`);
  expect(compared).toBeGreaterThan(10_000);
});
