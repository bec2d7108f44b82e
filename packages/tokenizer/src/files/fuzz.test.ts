import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { trainBPE } from "../bpe/train.ts";
import { CharacterTokenizer } from "../character.ts";
import { TokenizerError } from "../errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { testCount } from "../../testing/counts.ts";
import { jsonOf, withValue } from "../../testing/tokenizer-json.ts";
import type { Json } from "../../testing/tokenizer-json.ts";
import { tokenizerFiles, tokenizerFromFiles } from "./folder.ts";
import { readTiktoken, tiktokenFile } from "./tiktoken.ts";

/** Together at least 100,000 inputs where the full count is asked for. */
const numRuns = testCount(30_000, 500);

const text = "a text, a text of the text's own making, text!";
const options = { vocabSize: 275, specialTokens: ["<|endoftext|>"] };
const gpt2 = await trainBPE([text], { ...options, pattern: "gpt2" });
const o200k = await trainBPE([text], { ...options, pattern: "o200k" });
const characters = CharacterTokenizer.fromText("abc \n漢😀");

const gpt2Json = jsonOf(gpt2);
const { merges, vocab } = gpt2Json.model as { merges: string[]; vocab: Json };
const jsonFiles: readonly Json[] = [
  gpt2Json,
  jsonOf(o200k),
  jsonOf(characters),
  withValue(
    withValue(gpt2Json, "model.ignore_merges", true),
    "model.merges",
    merges.map((merge) => merge.split(" ")),
  ),
  withValue(gpt2Json, "added_tokens", [
    ...(gpt2Json.added_tokens as Json[]),
    { id: 300, content: "  ", special: false },
  ]),
];

/** What readers may do with an input: make a tokenizer that works, or say what is wrong. */
function accepts(read: () => Tokenizer): void {
  let tokenizer: Tokenizer;
  try {
    tokenizer = read();
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    expect(["invalid-file", "unsupported-file", "missing-file"]).toContain(error.code);
    expect(error.message.length).toBeLessThan(1000);
    return;
  }
  expect(tokenizer.vocabSize).toBeLessThanOrEqual(2 ** 20);
  expect(tokenizerFiles(tokenizer).size).toBe(2);
  if (tokenizer instanceof CharacterTokenizer) return;
  const ids = tokenizer.encode("a text's 漢", { disallowedSpecial: [] });
  expect(tokenizer.decode(ids)).toBe("a text's 漢");
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
        "__proto__",
        "[[[[",
        '{"a":',
      ),
      fc.string({ unit: "binary", maxLength: 3 }),
    ),
  }),
  { minLength: 1, maxLength: 4 },
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
  fc.constantFrom<Json>(null, true, false, 0, 1, -1, 1.5, 97, 300, 2 ** 20, 2 ** 31, 1e300, "", "a", "Ġ", "é", [], {}),
  fc.constantFrom<Json>("BPE", "WordLevel", "ByteLevel", "Split", "Sequence", "Fuse", "NFC", "t e", "<|endoftext|>", [
    "t",
    "e",
  ]),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
);

/** Puts a value somewhere into a tree; `path` chooses the branches. */
function graft(root: Json, path: readonly number[], value: Json, remove: boolean): Json {
  const copy = structuredClone(root);
  let node = copy;
  for (const [depth, choice] of path.entries()) {
    if (typeof node !== "object" || node === null) break;
    const container = node as { [key: string]: Json };
    const keys = Object.keys(container);
    if (keys.length === 0) break;
    const key = keys[choice % keys.length];
    const isLeaf = typeof container[key] !== "object" || container[key] === null;
    if (depth === path.length - 1 || isLeaf) {
      if (remove && !Array.isArray(node)) delete container[key];
      else Object.defineProperty(container, key, { value, enumerable: true });
      break;
    }
    node = container[key];
  }
  return copy;
}

describe("hostile files make working tokenizers or errors that say what is wrong", () => {
  it("tokenizer.json with its text changed", () => {
    const texts = fc.constantFrom(
      ...jsonFiles.flatMap((json) => [JSON.stringify(json), JSON.stringify(json, null, 1)]),
    );
    fc.assert(
      fc.property(texts, mutations, (text, changes) =>
        accepts(() => tokenizerFromFiles(new Map([["tokenizer.json", mutate(text, changes)]]))),
      ),
      { numRuns, seed: 11 },
    );
  }, 600_000);

  it("tokenizer.json with its values changed", () => {
    const grafts = fc.array(fc.tuple(fc.array(fc.nat(), { minLength: 1, maxLength: 4 }), anyJson, fc.boolean()), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(fc.constantFrom(...jsonFiles), grafts, anyJson, (json, changes, config) => {
        const changed = changes.reduce((tree, [path, value, remove]) => graft(tree, path, value, remove), json);
        const files = new Map([["tokenizer.json", JSON.stringify(changed)]]);
        if (changes.length === 3) files.set("tokenizer_config.json", JSON.stringify({ eos_token: config }));
        accepts(() => tokenizerFromFiles(files));
      }),
      { numRuns, seed: 12 },
    );
  }, 600_000);

  it("vocab.json and merges.txt", () => {
    const list = `#version: 0.2\n${merges.join("\n")}\n`;
    fc.assert(
      fc.property(
        mutations,
        mutations,
        fc.boolean(),
        fc.boolean(),
        (inVocab, inMerges, changesVocab, changesMerges) => {
          const json = JSON.stringify(vocab);
          const files = new Map([
            ["vocab.json", changesVocab ? mutate(json, inVocab) : json],
            ["merges.txt", changesMerges || !changesVocab ? mutate(list, inMerges) : list],
          ]);
          accepts(() => tokenizerFromFiles(files));
        },
      ),
      { numRuns, seed: 13 },
    );
  }, 600_000);

  it(".tiktoken", () => {
    const ranks = tiktokenFile(gpt2);
    fc.assert(
      fc.property(mutations, (changes) => accepts(() => readTiktoken(mutate(ranks, changes), { pattern: "gpt2" }))),
      { numRuns, seed: 14 },
    );
  }, 600_000);
});
