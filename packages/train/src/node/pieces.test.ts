import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodingByName } from "@gpt/tokenizer";
import { tokenizablePieces } from "./pieces.ts";

async function* each(parts: readonly string[]): AsyncGenerator<string> {
  yield* parts;
}

async function pieces(parts: readonly string[], longest?: number): Promise<string[]> {
  const all: string[] = [];
  for await (const piece of tokenizablePieces(each(parts), longest)) all.push(piece);
  return all;
}

/** Text in which pre-tokenisers have much to decide. */
const text = fc
  .array(
    fc.constantFrom(
      "a",
      "B",
      "ß",
      "字",
      "1",
      "23456",
      " ",
      "  ",
      "\n",
      "\r\n",
      "\t",
      "\u00a0",
      "\u0085",
      "\u2028",
      "\u3000",
      "\ufeff",
      "'s",
      "'LL",
      "'",
      "!",
      "...",
      "/",
      "_",
      "\u0301",
      "é",
      "𝒳",
      "👩‍👩‍👧",
      "ـ",
      "<|endoftext|>",
    ),
    { maxLength: 12 },
  )
  .map((words) => words.join(""));

describe("tokenizablePieces", () => {
  test.each(["gpt2", "cl100k_base", "o200k_base"] as const)(
    "the tokens of the pieces are those of the whole: %s",
    async (name) => {
      const tokenizer = await encodingByName(name);
      const encode = (text: string): number[] => [...tokenizer.encode(text, { disallowedSpecial: [] })];
      await fc.assert(
        fc.asyncProperty(fc.array(text, { maxLength: 8 }), async (parts) => {
          expect((await pieces(parts)).flatMap(encode)).toEqual(encode(parts.join("")));
        }),
        { numRuns: process.env.GPT_VERIFY ? 20_000 : 500 },
      );
    },
  );

  test("loses nothing, and cuts often enough", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text), fc.integer({ min: 1, max: 20 }), async (parts, longest) => {
        expect((await pieces(parts, longest)).join("")).toBe(parts.join(""));
      }),
    );
    expect(await pieces(["one two", " three fo", "ur. \n five"])).toEqual(["one", " two three", " four. \n five"]);
  });

  test("cuts text without a safe place when it has grown long, but never within a character", async () => {
    expect(await pieces(["abc", "def", "ghi"], 6)).toEqual(["abcdef", "ghi"]);
    expect(await pieces([`ab${"😀"[0]}`, `${"😀"[1]}c`], 3)).toEqual(["ab", "😀c"]);
  });
});
