import { tokenizerFiles, tokenizerFromFiles, trainBPE } from "@gpt/tokenizer";
import type { BytePairTokenizer } from "@gpt/tokenizer";
import { Tokenizer } from "tokenizers";
import { describe, expect, test } from "vitest";
import { spellBytes } from "../../../packages/tokenizer/src/files/byte-alphabet.ts";
import { preTokenizers } from "../../../packages/tokenizer/src/pretokenizers/patterns.ts";
import { caseTexts, tokenizerCases } from "../../../packages/tokenizer/test/tokenizer-cases.ts";

// What others write is read here as the Rust library reads it: generated files with all that LOADING.md tells of.

type Fields = Record<string, unknown>;
interface Added {
  id: number;
  content: string;
  lstrip: boolean;
}
interface Json extends Fields {
  added_tokens: Added[];
  pre_tokenizer: Fields;
  model: Fields & { vocab: Record<string, number>; merges: string[] };
}

/** A generator of Lehmer's kind: the same numbers each time. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff;
}

const contents = [
  ..."t < _ é 漢".split(" "), "<s>", "</s>", "<|endoftext|>", "the", " the", "cat", "at", " ", "  ", "\n", "hé", "Ġthe", "Ġ",
  "a b", "<s", "s>", "<s></s>", "xyz", "x\t", "END", "-END",
];
const units = [
  ...contents, ..."abc123,.!?\n\t", "  ", " <s> ", "\u0085", "\u00a0", "\u2003", "cat's", "xxENDyy", "e\u0301", "😀", "\u200d",
  "’", "ſ", "'s", "'S", "zebra", " zebra",
];

const text = "the cat sat on the mat, and the cat's hat was that of the rat. Don't! 123 hé é 漢字 the  the\n".repeat(3);

/** A file with some of what files may have, chosen at random. */
function randomJson(trained: string, random: () => number): Json {
  const json = JSON.parse(trained) as Json;
  const { model } = json;
  const chance = (probability: number): boolean => random() < probability;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  const sized = (): number => Object.keys(model.vocab).length;

  for (const word of ["zebra", "END"]) if (chance(0.2)) model.vocab[word] ??= sized();
  model.ignore_merges = chance(0.2);
  if (chance(0.3)) model.merges = [pick(model.merges), ...model.merges, pick(model.merges)];
  for (const name of ["x", "<", "Ã"]) {
    if (chance(0.15) && !model.merges.some((merge) => merge.includes(name))) delete model.vocab[name];
  }
  const names = Object.keys(model.vocab).sort((a, b) => model.vocab[a] - model.vocab[b]);
  model.vocab = Object.fromEntries(names.map((name, id) => [name, id]));
  if (chance(0.3)) Object.assign(model, { unk_token: "a", fuse_unk: chance(0.5) });

  const ids = new Map(Object.entries(model.vocab));
  for (let count = Math.floor(random() * 6); count > 0; count--) {
    const content = pick(contents);
    const id = ids.get(content) ?? ids.size;
    ids.set(content, id);
    const flags = { single_word: chance(0.25), rstrip: chance(0.25), normalized: chance(0.4), special: chance(0.5) };
    json.added_tokens.push({ id, content, lstrip: chance(0.25), ...flags });
  }
  // The library panics where a token strips the space on its left that is another's.
  const takesSpace = json.added_tokens.some(({ content }) => /^\s/.test(content));
  if (takesSpace) for (const token of json.added_tokens) token.lstrip = false;
  if (json.pre_tokenizer.type === "ByteLevel") json.pre_tokenizer.add_prefix_space = chance(0.3);
  if (chance(0.3)) json.normalizer = { type: "Sequence", normalizers: [] };
  return json;
}

describe.each(["gpt2", "cl100k", "o200k"] as const)("files with the pattern %s", (pattern) => {
  test("have the same ids and the same text", { timeout: 600_000 }, async () => {
    const trained = tokenizerFiles(await trainBPE([text], { vocabSize: 300, pattern })).get("tokenizer.json")!;
    const random = randomNumbers(pattern.length);
    for (let run = 0; run < 400; run++) {
      const json = JSON.stringify(randomJson(trained, random));
      const theirs = Tokenizer.fromString(json);
      const ours = tokenizerFromFiles(new Map([["tokenizer.json", json]])) as BytePairTokenizer;
      for (let count = 0; count < 10; count++) {
        const length = Math.floor(random() * 12);
        const sample = Array.from({ length }, () => units[Math.floor(random() * units.length)]).join("");
        const encoding = await theirs.encode(sample, null, { addSpecialTokens: false });
        expect(ours.encode(sample, { allowedSpecial: "all" }), JSON.stringify(sample)).toEqual(encoding.getIds());
        const ids = Array.from({ length: 8 }, () => Math.floor(random() * (ours.vocabSize + 3)));
        expect(ours.decode(ids, { withoutToken: "skip" })).toBe(await theirs.decode(ids, false));
      }
    }
  });

  test("split around each code point in the same way", { timeout: 600_000 }, async () => {
    const tokenizer = await trainBPE([text], { vocabSize: 256, pattern });
    const theirs = Tokenizer.fromString(tokenizerFiles(tokenizer).get("tokenizer.json")!).getPreTokenizer();
    const different: string[] = [];
    for (let code = 0; code <= 0x10ffff; code++) {
      if ((code >= 0xd800 && code < 0xe000) || (code >= 0x32400 && code % 61 !== 0)) continue;
      const sample = `a${String.fromCodePoint(code)}B `;
      const pieces = (theirs?.preTokenizeString(sample) as [string, unknown][]).map(([piece]) => piece);
      if (pieces.join("|") !== piecesOf(sample, pattern).join("|")) different.push(code.toString(16));
    }
    expect(different).toEqual([]);
  });
});

function piecesOf(sample: string, pattern: keyof typeof preTokenizers): string[] {
  const bytes = new TextEncoder().encode(sample);
  const view = new DataView(Uint8Array.from([...bytes, ...new Uint8Array(16)]).buffer);
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = preTokenizers[pattern](view, at, bytes.length);
    pieces.push(spellBytes(bytes.subarray(at, end)));
    at = end;
  }
  return pieces;
}

// And what is written of such a file again, there.
test.each(tokenizerCases)("what is written of “$title” means the same there", async ({ json }) => {
  const ours = tokenizerFromFiles(new Map([["tokenizer.json", JSON.stringify(json)]]));
  const theirs = Tokenizer.fromString(tokenizerFiles(ours).get("tokenizer.json")!);
  for (const sample of caseTexts) {
    const encoding = await theirs.encode(sample, null, { addSpecialTokens: false });
    expect(encoding.getIds(), JSON.stringify(sample)).toEqual(ours.encode(sample, { allowedSpecial: "all" }));
  }
});
