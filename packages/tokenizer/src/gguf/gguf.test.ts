import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ggufChunks } from "@gpt/formats/gguf";
import type { GGUFMetadata, GGUFValue } from "@gpt/formats/gguf";
import { publishFiles } from "@gpt/formats/node";
import { pipelineTexts } from "../../test/pipeline-cases.ts";
import { addedTokens, caseTexts, smallJson } from "../../test/tokenizer-cases.ts";
import { CharacterTokenizer } from "../character.ts";
import { encodingByName } from "../encodings.ts";
import { tokenizerFromFiles } from "../files/folder.ts";
import { loadTokenizer } from "../node.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { splittings } from "./patterns.ts";
import { tokenizerFromGGUF } from "./read.ts";
import { tokenizerToGGUF } from "./write.ts";

const fromJson = (json: object, config: object = {}): Tokenizer =>
  tokenizerFromFiles(new Map([["tokenizer.json", JSON.stringify(json)], ["tokenizer_config.json", JSON.stringify(config)]]));

const end = { content: "<|endoftext|>" };
const template = "{% for m in messages %}{{ m.content }}{% endfor %}";

/** The bytes and some pieces, as SentencePiece has them. */
const pieces = [
  "<unk>", "<s>", "</s>", ...Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  "th", "▁the", "the", "he", "at", "▁c", "▁cat", "▁▁", ..."▁abcdehlnost'.,!12x",
];
const merges = [["t", "h"], ["th", "e"], ["▁", "the"], ["h", "e"], ["a", "t"], ["▁", "c"], ["▁c", "at"], ["▁", "▁"]];
const space = { String: " " };
const llama2 = (adds: boolean): object => ({
  version: "1.0",
  added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({
    id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true,
  })),
  normalizer: { type: "Sequence", normalizers: [...(adds ? [{ type: "Prepend", prepend: "▁" }] : []), { type: "Replace", pattern: space, content: "▁" }] },
  pre_tokenizer: null,
  post_processor: null,
  decoder: { type: "Sequence", decoders: [
    { type: "Replace", pattern: { String: "▁" }, content: " " }, { type: "ByteFallback" }, { type: "Fuse" },
    ...(adds ? [{ type: "Strip", content: " ", start: 1, stop: 0 }] : []),
  ] },
  model: {
    type: "BPE", dropout: null, unk_token: "<unk>", continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true,
    byte_fallback: true, ignore_merges: false, vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])), merges,
  },
});

const withSplitting = (name: string): object => smallJson({
  pre_tokenizer: splittings[name].preTokenizer as never, "model.ignore_merges": splittings[name].ignoreMerges, added_tokens: addedTokens(end, { content: "<user>", special: false }),
});

const tokenizers: Readonly<Record<string, () => Tokenizer | Promise<Tokenizer>>> = {
  "GPT-2's": () => encodingByName("gpt2"),
  "bytes, and ids without a token": () => {
    const json = smallJson() as { model: { vocab: Record<string, number> } };
    const id = Object.keys(json.model.vocab).length + 5;
    json.model.vocab["<|endoftext|>"] = id;
    return fromJson({ ...json, added_tokens: addedTokens(end).map((token) => ({ ...(token as object), id })) }, { eos_token: "<|endoftext|>" });
  },
  ...Object.fromEntries(Object.keys(splittings).map((name) => [
    `bytes, split as ${name}`, () => fromJson(withSplitting(name), { eos_token: "<|endoftext|>", bos_token: "<|endoftext|>", chat_template: template }),
  ])),
  "Llama 2's": () => fromJson(llama2(true), { bos_token: "<s>", eos_token: "</s>", unk_token: "<unk>" }),
  "Llama 2's, without a first space": () => fromJson(llama2(false), { bos_token: "<s>", eos_token: "</s>" }),
};

describe.each(Object.entries(tokenizers))("%s", (_, make) => {
  test("goes into metadata and comes back: the same ids, texts, roles and templates", async () => {
    const tokenizer = await make();
    const metadata = tokenizerToGGUF(tokenizer, { vocabSize: tokenizer.vocabSize + 3 });
    const read = tokenizerFromGGUF(metadata);
    const texts = [...caseTexts, ...pipelineTexts, "hello the cat <|endoftext|> 1234 don't\n\n <user> é"];
    for (const text of texts) {
      const ids = tokenizer.encode(text, { allowedSpecial: "all" });
      expect(read.encode(text, { allowedSpecial: "all" })).toEqual(ids);
      expect(read.decode(ids)).toBe(tokenizer.decode(ids));
    }
    expect(read.roles).toEqual(tokenizer.roles);
    expect([...(read.chatTemplates ?? [])]).toEqual([...(tokenizer.chatTemplates ?? [])]);
    expect(read.hasToken(tokenizer.vocabSize + 2)).toBe(false);
  });
});

/** Metadata with changes. */
function changed(metadata: GGUFMetadata, changes: Readonly<Record<string, GGUFValue | undefined>>): GGUFMetadata {
  const all = new Map(metadata);
  for (const [key, value] of Object.entries(changes)) {
    if (value) all.set(key, value);
    else all.delete(key);
  }
  return all;
}

const small = (): GGUFMetadata => tokenizerToGGUF(fromJson(withSplitting("gpt-2"), { eos_token: "<|endoftext|>", bos_token: "<|endoftext|>" }));
const text = (value: string): GGUFValue => ({ type: "string", value });

test("adds tokens around a text where a file says it, or llama.cpp does without it", () => {
  const yes: GGUFValue = { type: "bool", value: true };
  const both = tokenizerFromGGUF(changed(small(), { "tokenizer.ggml.add_bos_token": yes, "tokenizer.ggml.add_eos_token": yes }));
  const end = both.roles.eos as number;
  expect(both.around).toEqual({ before: [end], behind: [end] });
  expect(tokenizerFromGGUF(tokenizerToGGUF(both)).around).toEqual(both.around);
  const none = { "tokenizer.ggml.add_bos_token": undefined };
  expect(tokenizerFromGGUF(changed(small(), none)).around?.before).toEqual([]);
  expect(tokenizerFromGGUF(changed(small(), { ...none, "tokenizer.ggml.pre": text("llama3") })).around?.before).toEqual([end]);
});

describe("refuses to read", () => {
  test.each<[string, Readonly<Record<string, GGUFValue | undefined>>, string, string]>([
    ["no tokens", { "tokenizer.ggml.tokens": undefined }, "missing-file", "has no tokenizer"],
    ["another model", { "tokenizer.ggml.model": text("bert") }, "unsupported-file", 'its tokenizer is "bert"; gpt2 and llama are read'],
    ["another splitting", { "tokenizer.ggml.pre": text("tekken") }, "unsupported-file", 'it splits text as "tekken"'],
    ["no merges", { "tokenizer.ggml.merges": undefined }, "invalid-file", "tokenizer.ggml.merges is no list of texts"],
    ["types of other tokens", { "tokenizer.ggml.token_type": { type: "array", of: "i32", value: [1] } }, "invalid-file", "token_type has 1 entries"],
    ["a role beyond the tokens", { "tokenizer.ggml.eos_token_id": { type: "u32", value: 9999 } }, "invalid-file", "eos_token_id is 9999, of"],
    ["no scores", { "tokenizer.ggml.model": text("llama") }, "invalid-file", "tokenizer.ggml.scores is missing"],
    ["tokens twice", { "tokenizer.ggml.tokens": { type: "array", of: "string", value: ["a", "a"] }, "tokenizer.ggml.token_type": undefined }, "invalid-file", 'token "a" appears twice'],
    ["a number for a text", { "tokenizer.chat_template": { type: "u32", value: 1 } }, "invalid-file", "tokenizer.chat_template is no text"],
  ])("%s", (_, changes, code, message) => {
    expect(() => tokenizerFromGGUF(changed(small(), changes), "m.gguf")).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error);
  });
});

describe("refuses to write", () => {
  test.each<[string, () => Tokenizer, string]>([
    ["characters", () => new CharacterTokenizer(["a", "b"]), "parts other than those of byte-level BPE"],
    ["another splitting", () => fromJson(smallJson({ pre_tokenizer: { type: "Sequence", pretokenizers: [
      { type: "Split", pattern: { Regex: "\\d" }, behavior: "Isolated", invert: false }, { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
    ] } })), "the way in which it splits text"],
    ["a normalizer", () => fromJson(smallJson({ normalizer: { type: "NFKC" } })), "its normalizer NFKC"],
  ])("%s", (_, make, message) => {
    expect(() => tokenizerToGGUF(make())).toThrow(message);
  });

  test("a vocabulary that is smaller than the tokenizer's", async () => {
    const gpt2 = await encodingByName("gpt2");
    expect(() => tokenizerToGGUF(gpt2, { vocabSize: 100 })).toThrow("vocabSize is 100; give a whole number from 50257 on: as many tokens there are");
  });
});

test("loadTokenizer reads a GGUF file, whatever it is called, and says what is wrong in it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "gpt-tokenizer-"));
  try {
    const path = join(folder, "model.bin");
    await publishFiles(folder, [{ name: "model.bin", chunks: ggufChunks([], small()) }, { name: "cut", chunks: [new TextEncoder().encode("GGUF\u0003")] }]);
    expect((await loadTokenizer(path)).encode("the cat")).toEqual(fromJson(withSplitting("gpt-2")).encode("the cat"));
    await expect(loadTokenizer(join(folder, "cut"))).rejects.toMatchObject({ code: "invalid-file", message: `${join(folder, "cut")}: it ends within its header; take another copy` });
  } finally {
    await rm(folder, { recursive: true });
  }
});
