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
    { maxLength: 40, size: "max" },
  )
  .map((words) => words.join(""));

describe("tokenizablePieces", () => {
  test.each(["gpt2", "cl100k_base", "o200k_base"] as const)(
    "the tokens of the pieces are those of the whole: %s",
    async (name) => {
      const tokenizer = await encodingByName(name);
      const encode = (text: string): number[] => [...tokenizer.encode(text, { disallowedSpecial: [] })];
      let cut = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(text, { maxLength: 8, size: "max" }), async (parts) => {
          const found = await pieces(parts);
          if (found.length > 2) cut++;
          expect(found.flatMap(encode)).toEqual(encode(parts.join("")));
        }),
        { numRuns: process.env.GPT_VERIFY ? 20_000 : 500 },
      );
      expect(cut).toBeGreaterThan(100);
    },
  );

  test("loses nothing, and cuts often enough", async () => {
    const cut = { safely: 0, anywhere: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 20, size: "max" }), fc.integer({ min: 1, max: 20 }), async (parts, longest) => {
        const found = await pieces(parts, longest);
        expect(found.join("")).toBe(parts.join(""));
        for (const piece of found.slice(1)) cut[/^[\t\n\r ]/.test(piece) ? "safely" : "anywhere"]++;
      }),
    );
    for (const [where, times] of Object.entries(cut)) expect(times, where).toBeGreaterThan(20);
    expect(await pieces(["one two", " three fo", "ur. \n five"])).toEqual(["one", " two three", " four. \n five"]);
  });

  test("cuts text without a safe place when it has grown long, but never within a character", async () => {
    expect(await pieces(["abc", "def", "ghi"], 6)).toEqual(["abcdef", "ghi"]);
    expect(await pieces([`ab${"😀"[0]}`, `${"😀"[1]}c`], 3)).toEqual(["ab", "😀c"]);
  });
});
