import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { caseTexts, tokenizerCases } from "../../test/tokenizer-cases.ts";
import { tokenizerFiles, tokenizerFromFiles } from "./folder.ts";

/** What the Rust library makes of the cases (tooling/interop/src/make-tokenizer-expectations.ts). */
const expected = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../test/tokenizer-cases.json"), "utf8"),
) as Record<string, { size: number; ids: number[][]; decoded: string[] }>;

describe("a tokenizer.json means what it means to Hugging Face's tokenizers", () => {
  it.each(tokenizerCases)("$title", ({ title, json }) => {
    const { size, ids, decoded } = expected[title];
    const read = tokenizerFromFiles(new Map([["tokenizer.json", JSON.stringify(json)]]));
    // What is written of it again, too.
    for (const tokenizer of [read, tokenizerFromFiles(tokenizerFiles(read))]) {
      expect(tokenizer.vocabSize).toBe(size);
      for (const [index, text] of caseTexts.entries()) {
        const found = tokenizer.encode(text, { allowedSpecial: "all" });
        expect(found, JSON.stringify(text)).toEqual(ids[index]);
        expect(tokenizer.decode(found)).toBe(decoded[index]);
      }
    }
  });

  it("and each case makes a difference to some text, or is meant to make none", () => {
    const plain = JSON.stringify(expected["as it is"].ids);
    const same = tokenizerCases.map(({ title }) => title).filter((title) => JSON.stringify(expected[title].ids) === plain);
    expect(same).toMatchInlineSnapshot(`
      [
        "as it is",
        "truncation and padding",
        "a normalizer of nothing",
        "a template that adds nothing",
        "dropout 0",
        "prefixes and suffixes of null",
        "merges in pairs",
        "a comment among merges",
        "no pre-token is a token but by merging",
        "an unknown token that is not needed",
        "a Split as GPT-2's",
        "a Split that removes what is between",
      ]
    `);
  });
});
