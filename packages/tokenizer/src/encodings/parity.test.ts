import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import fc from "fast-check";
import { get_encoding, Tiktoken } from "tiktoken";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { encodingByName, encodingNames } from "../encodings.ts";
import { testCount } from "../../test/counts.ts";
import { anyText, writtenTexts } from "../../test/texts.ts";
import { specifications } from "./specifications.ts";
import type { EncodingName } from "./specifications.ts";

/** The Rust implementation. It does not have o200k_harmony, which is o200k_base with other special tokens. */
function reference(name: EncodingName): Tiktoken {
  if (name !== "o200k_harmony") return get_encoding(name);
  const path = createRequire(import.meta.url).resolve("tiktoken/encoders/o200k_base.json");
  const { bpe_ranks, pat_str } = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
  return new Tiktoken(bpe_ranks, specifications.o200k_harmony.specialTokens, pat_str);
}

function areEqual(ids: readonly number[], expected: Uint32Array): boolean {
  return ids.length === expected.length && ids.every((id, i) => id === expected[i]);
}

/** Code points, halves of surrogate pairs too: every one where the full count is asked for, else one of 136. */
function* codePoints(): Generator<string> {
  const step = 0x110000 / testCount(0x110000, 0x2000);
  for (let code = 0; code <= 0x10ffff; code += step) yield String.fromCodePoint(code);
}

describe.each(encodingNames)("%s, beside the Rust tiktoken", (name) => {
  let tokenizer: BytePairTokenizer;
  let tiktoken: Tiktoken;

  beforeAll(async () => {
    tokenizer = await encodingByName(name);
    tiktoken = reference(name);
  });
  afterAll(() => tiktoken.free());

  const agree = (text: string): boolean =>
    areEqual(tokenizer.encode(text, { disallowedSpecial: [] }), tiktoken.encode_ordinary(text));

  it("gives the same ids for texts that are known to be hard", () => {
    for (const text of writtenTexts) {
      expect(tokenizer.encode(text, { disallowedSpecial: [] })).toEqual([...tiktoken.encode_ordinary(text)]);
    }
  });

  it("gives the same ids for generated texts", () => {
    const numRuns = testCount(100_000, 3000);
    fc.assert(fc.property(anyText, agree), { numRuns, seed: 2 });
  });

  it("gives the same ids for texts so long that they are read in parts", () => {
    for (let seed = 0; seed < testCount(100, 5); seed++) {
      const text = fc.sample(anyText, { numRuns: 3000, seed }).join("");
      expect(text.length).toBeGreaterThan(100_000);
      expect(agree(text), `seed ${seed}`).toBe(true);
    }
  });

  it("gives the same ids for each special token", () => {
    for (const token of tokenizer.specialTokens.keys()) {
      const text = `a ${token}b${token}`;
      expect(tokenizer.encode(text, { allowedSpecial: "all" })).toEqual([...tiktoken.encode(text, "all")]);
    }
  });

  it("decodes to the same bytes", () => {
    for (const text of writtenTexts) {
      const ids = tokenizer.encode(text, { disallowedSpecial: [] });
      expect(tokenizer.decodeBytes(ids)).toEqual(tiktoken.decode(Uint32Array.from(ids)));
    }
  });

  it("gives the same ids for code points, alone and between letters", () => {
    const different: string[] = [];
    for (const character of codePoints()) {
      if (!agree(character) || !agree(`a${character}b`)) different.push(character);
    }
    expect(different).toEqual([]);
  }, 300_000);
});

/** All of the planes that have letters, marks and numbers, and some of the others. */
function* maxCodePoints(): Generator<string> {
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code < 0x32400 || (code >= 0xe0000 && code < 0xe0200) || code % 61 === 0) yield String.fromCodePoint(code);
  }
}

/** One encoding for each pattern. Where the ids of "aXB" are the same, X is of the same class. */
it.each(["gpt2", "cl100k_base", "o200k_base"] as const)(
  "%s splits around characters as tiktoken does",
  async (name) => {
    const tokenizer = await encodingByName(name);
    const tiktoken = reference(name);
    try {
      const text = [...maxCodePoints()].map((character) => `a${character}B `);
      for (let at = 0; at < text.length; at += 50_000) {
        const part = text.slice(at, at + 50_000).join("");
        const isSame = areEqual(tokenizer.encode(part), tiktoken.encode_ordinary(part));
        expect(isSame, `from ${text[at]}on`).toBe(true);
      }
    } finally {
      tiktoken.free();
    }
  },
);
