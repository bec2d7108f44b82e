import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodingByName } from "./encodings.ts";
import { tokenizerFromFiles } from "./files/folder.ts";
import type { CharacterPairTokenizer } from "./pipeline/tokenizer.ts";
import type { EncodedPiece, Tokenizer } from "./tokenizer.ts";

/** What is left of a piece's symbols when its merges are done, each with the index at which it begins. */
function replayed({ symbols, merges }: EncodedPiece): number[] {
  const tokens = symbols.map((id, at) => ({ at, id }));
  for (const { at, id } of merges) {
    const left = tokens.findIndex((token) => token.at === at);
    expect(left + 1).toBeLessThan(tokens.length);
    tokens.splice(left, 2, { at, id });
  }
  return tokens.map(({ id }) => id);
}

/** SentencePiece's kind, with a special token around texts. */
const characters = tokenizerFromFiles(new Map([["tokenizer.json", JSON.stringify({
  normalizer: { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, { type: "Replace", pattern: { String: " " }, content: "▁" }] },
  added_tokens: [{ id: 0, content: "<s>", special: true, single_word: false, lstrip: false, rstrip: false, normalized: false }],
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] } },
  },
  model: {
    type: "BPE", unk_token: "<unk>", fuse_unk: true,
    vocab: { "<s>": 0, "<unk>": 1, "▁": 2, a: 3, b: 4, ab: 5, "▁ab": 6, "▁a": 7, bb: 8 },
    merges: [["a", "b"], ["▁", "ab"], ["▁", "a"], ["b", "b"]],
  },
})]])) as CharacterPairTokenizer;

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.stringMatching(/^( |a|b|ab|the|\n|<\|endoftext\|>|<s>){0,60}$/),
);

function explains(tokenizer: Tokenizer): void {
  let merges = 0;
  fc.assert(
    fc.property(text, fc.boolean(), (text, addSpecialTokens) => {
      const options = { allowedSpecial: "all", addSpecialTokens } as const;
      const pieces = tokenizer.pieces!(text, options);
      expect(pieces.flatMap(({ ids }) => ids)).toEqual(tokenizer.encode(text, options));
      expect(pieces.map(replayed)).toEqual(pieces.map(({ ids }) => ids));
      merges += pieces.reduce((sum, piece) => sum + piece.merges.length, 0);
    }),
    { seed: 1, numRuns: 300 },
  );
  expect(merges).toBeGreaterThan(100);
}

describe("pieces are what encode gives, and their merges lead there", () => {
  it.each(["gpt2", "cl100k_base", "o200k_base"])("%s", async (name) => explains(await encodingByName(name)));
  it("tokens made of characters", () => explains(characters));
});

it("gives merges in their order, with ranks, places and tokens", async () => {
  const tokenizer = await encodingByName("gpt2");
  const [piece, ...others] = tokenizer.pieces(" the");
  expect(others).toEqual([]);
  const { merges } = tokenizer.vocabulary;
  const shown = piece.merges.map(({ at, rank, id }) => [at, rank, tokenizer.decode([id])]);
  const rankOf = (left: string, right: string): number => merges.find(tokenizer.encode(left)[0], tokenizer.encode(right)[0]);
  expect(shown).toEqual([[0, rankOf(" ", "t"), " t"], [2, rankOf("h", "e"), "he"], [0, rankOf(" t", "he"), " the"]]);
  expect(shown.map(([, rank]) => rank)).toEqual([0, 2, 6]);
});

it("shows special tokens as pieces of their own", () => {
  const pieces = characters.pieces("<s>ab", { allowedSpecial: "all", addSpecialTokens: true });
  const alone = { symbols: [0], merges: [], ids: [0] };
  expect(pieces.slice(0, 2)).toEqual([alone, alone]);
});

it("names tokens as the vocabulary has them", () => {
  expect([6, 0].map((id) => characters.tokenName(id))).toEqual(["▁ab", "<s>"]);
  expect(() => characters.tokenName(99)).toThrow(/no token 99/);
});

it("takes a piece of any length", async () => {
  const tokenizer = await encodingByName("cl100k_base");
  const long = "ab".repeat(50_000);
  const [piece] = tokenizer.pieces(long);
  expect(piece.symbols).toHaveLength(long.length);
  expect(piece.ids).toEqual(tokenizer.encode(long));
});
