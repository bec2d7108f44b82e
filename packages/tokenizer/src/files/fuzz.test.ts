import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { trainBPE } from "../bpe/train.ts";
import { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { CharacterTokenizer } from "../character.ts";
import type { CharacterPairTokenizer } from "../pipeline/tokenizer.ts";
import { TokenizerError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { testCount } from "../../test/counts.ts";
import { pipelineCases } from "../../test/pipeline-cases.ts";
import { addedTokens, smallJson, tokenizerCases } from "../../test/tokenizer-cases.ts";
import { jsonOf } from "../../test/tokenizer-json.ts";
import type { Json } from "../../test/tokenizer-json.ts";
import { tokenizerFiles, tokenizerFromFiles } from "./folder.ts";
import { readTiktoken, tiktokenFile } from "./tiktoken.ts";

/** For each file of a folder. */
const numRuns = testCount(100_000, 300);
/** So many of the tokenizers that are made are written and read again: their caches take long to allocate. */
const oneIn = 8;
/** A hang exceeds it, and nothing else. */
const timeout = 3_600_000;

type Texts = Readonly<Record<string, string>>;

const text = "a text, a text of the text's own making, text!";
const trained = await trainBPE([text], { vocabSize: 275, specialTokens: ["<|endoftext|>"], pattern: "o200k" });
const small = smallJson({ added_tokens: addedTokens({ content: "<|endoftext|>" }, { content: "</s>", lstrip: true }) });
const { vocab, merges } = smallJson().model as { vocab: { [name: string]: number }; merges: string[] };
const size = Object.keys(vocab).length;
const flags = { lstrip: false, rstrip: false, single_word: false, normalized: false, special: true };

/** A folder with every file that counts, with `tokenizer.json` and without. */
const beside: Readonly<Record<string, Json>> = {
  "tokenizer_config.json": {
    tokenizer_class: "GPT2Tokenizer",
    add_prefix_space: false,
    eos_token: { __type: "AddedToken", content: "</s>", ...flags },
    pad_token: null,
    additional_special_tokens: ["<x>"],
  },
  "special_tokens_map.json": { bos_token: "<|endoftext|>", unk_token: { content: "<|endoftext|>", ...flags } },
  "added_tokens.json": { "<|endoftext|>": size, "</s>": size + 1, "<x>": size + 2 },
  "config.json": { model_type: "gpt2", tokenizer_class: null },
};
const decoderConfig: Json = {
  tokenizer_class: "PreTrainedTokenizerFast",
  added_tokens_decoder: { [size]: { content: "<|endoftext|>", ...flags }, [size + 1]: { content: "</s>", ...flags } },
  eos_token: "</s>",
};
const mergesTxt = `#version: 0.2\n${merges.join("\n")}\n`;

let made = 0;

/** What readers may do with an input: make a tokenizer that works, or say what is wrong. */
function accepts(read: () => Tokenizer): "read" | "refused" {
  let tokenizer: Tokenizer;
  try {
    tokenizer = read();
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    expect(["invalid-file", "unsupported-file", "missing-file"]).toContain(error.code);
    expect(error.message.length).toBeLessThanOrEqual(2000);
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    return "refused";
  }
  expect(tokenizer.vocabSize).toBeLessThanOrEqual(2 ** 20);
  for (const id of Object.values(tokenizer.roles)) expect(tokenizer.hasToken(id as number)).toBe(true);
  expect(tokenizerFiles(tokenizer).size).toBe(tokenizer.chatTemplates?.size === 1 && tokenizer.chatTemplates.has("default") ? 3 : 2);
  if (tokenizer instanceof CharacterTokenizer || made++ % oneIn !== 0) return "read";
  worksAndLasts(tokenizer as BytePairTokenizer | CharacterPairTokenizer);
  return "read";
}

/** Encodes, decodes, and means the same when it is written and read again. */
function worksAndLasts(tokenizer: BytePairTokenizer | CharacterPairTokenizer): void {
  const sample = "a text's 漢 END</s> the<x>";
  const plain = tokenizer.encode(sample, { disallowedSpecial: [] });
  if (tokenizer instanceof BytePairTokenizer) {
    const { tokens, front, addedTokens, prefixSpace } = tokenizer.vocabulary;
    const isLossless = !front && !prefixSpace && !addedTokens.some(({ special }) => !special);
    if (isLossless && !tokens.idsOfBytes().includes(-1)) expect(tokenizer.decode(plain)).toBe(sample);
  }
  const decoder = tokenizer.createDecoder();
  expect(plain.map((id) => decoder.push(id)).join("") + decoder.flush()).toBe(tokenizer.decode(plain));
  for (const id of plain) expect(tokenizer.hasToken(id)).toBe(true);
  const again = tokenizerFromFiles(tokenizerFiles(tokenizer));
  const options = { allowedSpecial: "all", addSpecialTokens: true } as const;
  expect(again.encode(sample, options)).toEqual(tokenizer.encode(sample, options));
  expect(again.roles).toEqual(tokenizer.roles);
}

/** Cuts, doubles, moves or overwrites parts of a text. */
const mutations = fc.array(
  fc.record({
    kind: fc.constantFrom("delete", "double", "insert", "replace", "move"),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    to: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.oneof(fc.constant(1), fc.nat(40), fc.nat(4000)),
    text: fc.oneof(
      fc.constantFrom(
        ...'{}[]",:\\ \n\r\0#-=0123456789',
        "null",
        "true",
        "1e9",
        "-1",
        "4294967295",
        "\\ud800",
        "\\u001b[31m",
        "\u202E",
        "__proto__",
        "[[[[",
        '{"a":',
      ),
      fc.string({ unit: "binary", maxLength: 3, size: "max" }),
    ),
  }),
  { minLength: 1, maxLength: 4, size: "max" },
);

function mutate(text: string, changes: typeof mutations extends fc.Arbitrary<infer T> ? T : never): string {
  for (const { kind, at, to, length, text: inserted } of changes) {
    const start = Math.floor(at * text.length);
    const [before, part, after] = [text.slice(0, start), text.slice(start, start + length), text.slice(start + length)];
    const target = Math.floor(to * before.length);
    text = {
      delete: before + after,
      double: before + part + part + after,
      insert: before + inserted + part + after,
      replace: before + inserted + part.slice(inserted.length) + after,
      move: before.slice(0, target) + part + before.slice(target) + after,
    }[kind];
  }
  return text;
}

const anyJson: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, false, 0, 1, -1, 1.5, 97, size, size + 2, 2 ** 20, 2 ** 31, 1e300, "", "a", "Ġ", "é"),
  fc.constantFrom<Json>([], {}, ["t", "e"], ["h e"], { __type: "AddedToken", content: "</s>" }, [{}], { content: "<x>" }),
  fc.constantFrom<Json>("BPE", "WordLevel", "ByteLevel", "Split", "Sequence", "Fuse", "NFC", "t e", "h e"),
  fc.constantFrom<Json>("<|endoftext|>", "</s>", "<x>", "\u001B[31m", "\u202E", "\uD800", "x".repeat(3000), "\n".repeat(3000)),
  fc.constantFrom<Json>("GPT2Tokenizer", "PreTrainedTokenizerFast", "gpt2", "gpt_oss", "Unigram", "TemplateProcessing"),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
);

const anyKey = fc.constantFrom(
  ...["bos", "eos", "unk", "pad", "image"].map((role) => `${role}_token`),
  ...["add_prefix_space", "added_tokens_decoder", "extra_special_tokens", "additional_special_tokens", "init_inputs"],
  ...["add_bos_token", "split_special_tokens", "tokenizer_class", "type", "content", "lstrip", "id", "__proto__"],
);

/** Puts a value somewhere into a tree; `path` chooses the branches. */
function graft(root: Json, path: readonly number[], value: Json, way: "set" | "remove" | "add", name: string): Json {
  const copy = structuredClone(root);
  let node = copy;
  for (const [depth, choice] of path.entries()) {
    if (typeof node !== "object" || node === null) break;
    const container = node as { [key: string]: Json };
    const keys = Object.keys(container);
    const isLast = depth === path.length - 1;
    if (isLast && way === "add" && !Array.isArray(node)) {
      Object.defineProperty(container, name, { value, enumerable: true, configurable: true });
      break;
    }
    if (keys.length === 0) break;
    const key = keys[choice % keys.length];
    const isLeaf = typeof container[key] !== "object" || container[key] === null;
    if (isLast || isLeaf) {
      if (way === "remove" && !Array.isArray(node)) delete container[key];
      else Object.defineProperty(container, key, { value, enumerable: true, configurable: true });
      break;
    }
    node = container[key];
  }
  return copy;
}

const grafts = fc.array(
  fc.record({
    path: fc.array(fc.nat(), { minLength: 1, maxLength: 6, size: "max" }),
    value: anyJson,
    way: fc.constantFrom("set", "remove", "add"),
    name: anyKey,
  }),
  { minLength: 1, maxLength: 3, size: "max" },
);

/** Reads the folder with one file changed in its text or in its values, and counts what becomes of it. */
function fuzz(json: Json, others: Readonly<Record<string, Json>>, name: string, numRuns: number) {
  const outcomes = { read: 0, refused: 0 };
  const texts: Texts = Object.fromEntries(Object.entries(others).map(([key, value]) => [key, JSON.stringify(value)]));
  const read = (changed: string): void => {
    outcomes[accepts(() => tokenizerFromFiles(new Map(Object.entries({ ...texts, [name]: changed }))))]++;
  };
  fc.assert(
    fc.property(grafts, mutations, fc.nat(3), (grafts, changes, choice) => {
      const grafted = grafts.reduce((tree, { path, value, way, name }) => graft(tree, path, value, way, name), json);
      read(choice === 0 ? mutate(JSON.stringify(json), changes) : JSON.stringify(grafted));
    }),
    { numRuns, seed: 11 },
  );
  return outcomes;
}

describe("hostile files make working tokenizers or errors that say what is wrong", () => {
  const gpt2Files = { "vocab.json": vocab };
  const folder = { ...beside, "tokenizer.json": small };
  /** `share`: of the runs for the file, where there are several of its kind. */
  it.each<[title: string, json: Json, others: Readonly<Record<string, Json>>, name: string, share: number]>([
    ["tokenizer.json", small, {}, "tokenizer.json", 0.25],
    ["tokenizer.json in a folder", small, beside, "tokenizer.json", 0.25],
    ["tokenizer.json with another pattern", jsonOf(trained), {}, "tokenizer.json", 0.25],
    ["tokenizer.json of characters", jsonOf(CharacterTokenizer.fromText("abc \n漢😀")), {}, "tokenizer.json", 0.25],
    ["tokenizer_config.json", beside["tokenizer_config.json"], folder, "tokenizer_config.json", 0.5],
    ["tokenizer_config.json with added_tokens_decoder", decoderConfig, folder, "tokenizer_config.json", 0.5],
    ["special_tokens_map.json", beside["special_tokens_map.json"], folder, "special_tokens_map.json", 1],
    ["added_tokens.json", beside["added_tokens.json"], folder, "added_tokens.json", 1],
    ["config.json", beside["config.json"], { ...folder, "tokenizer_config.json": {} }, "config.json", 1],
  ])("%s", (_, json, others, name, share) => {
    const runs = Math.ceil(numRuns * share);
    const { read, refused } = fuzz(json, others, name, runs);
    expect(Math.min(read, refused)).toBeGreaterThan(runs / 50);
  }, timeout);

  it("tokenizer.json of each rule", () => {
    const cases = fc.constantFrom(...tokenizerCases.map(({ json }) => json));
    fc.assert(
      fc.property(cases, grafts, (json, grafts) => {
        const grafted = grafts.reduce((tree: Json, { path, value, way, name }) => graft(tree, path, value, way, name), json);
        accepts(() => tokenizerFromFiles(new Map([["tokenizer.json", JSON.stringify(grafted)]])));
      }),
      { numRuns, seed: 12 },
    );
  }, timeout);

  it("tokenizer.json of each part", () => {
    const outcomes = { read: 0, refused: 0 };
    const cases = fc.constantFrom(...pipelineCases.map(({ json }) => json));
    fc.assert(
      fc.property(cases, grafts, mutations, fc.nat(2), (json, grafts, changes, choice) => {
        const grafted = grafts.reduce((tree: Json, { path, value, way, name }) => graft(tree, path, value, way, name), json);
        // The parts are few characters among many, which grafts rarely touch and mutations never would.
        const { model, ...parts } = json;
        const text = `{"model":${JSON.stringify(model)},${mutate(JSON.stringify(parts).slice(1), changes)}`;
        outcomes[accepts(() => tokenizerFromFiles(new Map([["tokenizer.json", choice === 0 ? JSON.stringify(grafted) : text]])))]++;
      }),
      { numRuns: testCount(100_000, 600), seed: 15 },
    );
    expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(20);
  }, timeout);

  it("regular expressions", () => {
    const pieces = fc.constantFrom(
      ..."ab.*+?|()[]{}^$\\-&,1\u00e9漢", "\\p{L}", "\\s", "\\w", "[^", "(?:", "(?i:", "(?=", "(?<!", "(?>", "{2,3}", "{999}", "{1000}", "*+", "&&", "[:alpha:]", "\\p{", "\\x{", "(?i)",
    );
    const outcomes = { read: 0, refused: 0 };
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 24, size: "max" }), (parts) => {
        const pattern = { Regex: parts.join("") };
        const json = { ...smallJson(), pre_tokenizer: { type: "Sequence", pretokenizers: [{ type: "Split", pattern, behavior: "Isolated", invert: false }, { type: "ByteLevel", add_prefix_space: false, use_regex: false }] } };
        outcomes[accepts(() => tokenizerFromFiles(new Map([["tokenizer.json", JSON.stringify(json)]])))]++;
      }),
      { numRuns: testCount(100_000, 600), seed: 16 },
    );
    expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(20);
  }, timeout);

  it("vocab.json and merges.txt", () => {
    const outcomes = { read: 0, refused: 0 };
    fc.assert(
      fc.property(mutations, mutations, fc.nat(2), (inVocab, inMerges, which) => {
        const files = Object.entries({
          ...Object.fromEntries(Object.entries(beside).map(([name, value]) => [name, JSON.stringify(value)])),
          "vocab.json": which === 0 ? JSON.stringify(gpt2Files["vocab.json"]) : mutate(JSON.stringify(vocab), inVocab),
          "merges.txt": which === 1 ? mergesTxt : mutate(mergesTxt, inMerges),
        });
        outcomes[accepts(() => tokenizerFromFiles(new Map(files)))]++;
      }),
      { numRuns, seed: 13 },
    );
    expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(numRuns / 50);
  }, timeout);

  it(".tiktoken", () => {
    const ranks = tiktokenFile(trained);
    const outcomes = { read: 0, refused: 0 };
    fc.assert(
      fc.property(mutations, (changes) => {
        outcomes[accepts(() => readTiktoken(mutate(ranks, changes), { pattern: "gpt2" }))]++;
      }),
      { numRuns, seed: 14 },
    );
    expect(outcomes.refused).toBeGreaterThan(numRuns / 2);
  }, timeout);
});
