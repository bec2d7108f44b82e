import { CharacterTokenizer, encodingByName } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { learntTokens } from "./examples.ts";
import type { Example } from "./examples.ts";
import { completionExamples, documentExamples, labelledExamples, preferenceExamples } from "./text-examples.ts";

const characters = CharacterTokenizer.fromText("abcdefgh ");
let gpt2: Tokenizer;
let begins: Tokenizer;
beforeAll(async () => {
  gpt2 = await encodingByName("gpt2");
  // One that puts a token before texts and one behind, as BERT's and Llama's do.
  begins = { ...pick(gpt2), around: { before: [7], behind: [8] } };
});

/** A tokenizer as an object, so that a part can be replaced. */
function pick(tokenizer: Tokenizer): Tokenizer {
  return {
    vocabSize: tokenizer.vocabSize, endOfText: tokenizer.endOfText, roles: tokenizer.roles, specialTokens: tokenizer.specialTokens,
    encode: (text, { addSpecialTokens = false, ...options } = {}) => {
      const ids = tokenizer.encode(text, options);
      return addSpecialTokens ? [7, ...ids, 8] : ids;
    },
    decode: (ids) => tokenizer.decode(ids), createDecoder: () => tokenizer.createDecoder(), hasToken: (id) => tokenizer.hasToken(id),
  };
}

const endOfText = 50_256;
const learnt = (tokenizer: Tokenizer, { ids, mask }: Example): string => tokenizer.decode([...ids].filter((_, i) => mask![i]));
const whole = (tokenizer: Tokenizer, { ids }: Example): string => tokenizer.decode(ids);

describe("completions", () => {
  const pairs = [{ prompt: "Translate: chat", completion: " cat" }, { prompt: "", completion: "<|endoftext|>" }];

  test("are learnt with the token that ends them, prompts are not", () => {
    const [first, second] = completionExamples(pairs, gpt2, { maxTokens: 20 });
    expect([whole(gpt2, first), learnt(gpt2, first)]).toEqual(["Translate: chat cat<|endoftext|>", " cat<|endoftext|>"]);
    // An empty prompt begins behind the end of a text; a special token that is written out is text.
    expect([second.ids[0], second.ids.at(-1), second.mask![0]]).toEqual([endOfText, endOfText, 0]);
    expect(second.ids.length).toBeGreaterThan(5);
    const [prefixed] = completionExamples(pairs, begins, { maxTokens: 20 });
    expect([prefixed.ids[0], prefixed.mask![0], learnt(gpt2, prefixed)]).toEqual([7, 0, " cat<|endoftext|>"]);
  });

  test("that are too long are refused by their number, or cut: prompts at their beginning", () => {
    const long = [{ prompt: "ab", completion: "c" }, { prompt: "abcdefgh", completion: "abc" }];
    expect(() => completionExamples(long, characters, { maxTokens: 8 })).toThrow(
      'pairs: example 2 has 10 tokens to read, more than 8; shorten it, leave it out, or cut such texts (overflow: "truncate")');
    const cut = (maxTokens: number) => completionExamples([long[1]], characters, { maxTokens, overflow: "truncate" })
      .map((example) => [whole(characters, example), learnt(characters, example)]);
    expect(cut(10)).toEqual([["abcdefghabc", "abc"]]);
    expect(cut(4)).toEqual([["ghabc", "abc"]]);
    expect(cut(2)).toEqual([["habc".slice(0, 3), "ab"]]);
  });

  test("cut examples fit, learn something, and keep what stands before every text", () => {
    const word = fc.string({ unit: fc.constantFrom(..."abc"), maxLength: 12 });
    fc.assert(fc.property(word, word, fc.integer({ min: 1, max: 12 }), (prompt, completion, maxTokens) => {
      const tokenizer = { ...pick(characters), endOfText: 8, around: { before: [7], behind: [] } };
      const [example] = completionExamples([{ prompt, completion: `a${completion}` }], tokenizer, { maxTokens, overflow: "truncate" });
      expect(example.ids.length).toBeLessThanOrEqual(maxTokens + 1);
      expect(example.ids[0]).toBe(7);
      expect(learntTokens(example).length).toBe(Math.min(completion.length + 2, maxTokens));
    }));
  });
});

test("two answers follow the same prompt, of which as much is left as the longer one leaves room for", () => {
  const preference = [{ prompt: "abcdefgh", chosen: "abc", rejected: "d" }];
  const shown = (maxTokens: number) => preferenceExamples(preference, characters, { maxTokens, overflow: "truncate" })
    .map(({ chosen, rejected }) => [chosen, rejected].map((example) => [whole(characters, example), learnt(characters, example)]))[0];
  expect(shown(10)).toEqual([["abcdefghabc", "abc"], ["abcdefghd", "d"]]);
  expect(shown(4)).toEqual([["ghabc", "abc"], ["ghd", "d"]]);
  expect(() => preferenceExamples(preference, characters, { maxTokens: 9 })).toThrow("preferences: example 1 has 10 tokens to read, more than 9");
  expect(() => preferenceExamples([{ ...preference[0], rejected: "" }], characters, { maxTokens: 9 })).toThrow("preferences: example 1: rejected is empty");
  expect(() => preferenceExamples([{ ...preference[0], rejected: preference[0].chosen }], characters, { maxTokens: 99 })).toThrow(
    "preferences: example 1: chosen and rejected have the same tokens, and so nothing to learn");
});

test("documents are learnt whole, long ones in pieces, each token once", () => {
  const [short, ...pieces] = documentExamples(["Hi", "one two three four five"], gpt2, { maxTokens: 2 });
  expect(whole(gpt2, short)).toBe("Hi<|endoftext|>");
  expect(pieces.map((piece) => whole(gpt2, piece))).toEqual(["one two three", " three four five", " five<|endoftext|>"]);
  expect(documentExamples(["Hi"], begins, { maxTokens: 9 }).map(({ ids }) => [...ids])).toEqual([[7, ...gpt2.encode("Hi"), endOfText]]);
  expect(documentExamples(["", "a"], characters, { maxTokens: 9 })).toEqual([]);
});

test("labelled texts have the tokens that the tokenizer adds, and their label's number", () => {
  const labels = ["ham", "spam"];
  const [first] = labelledExamples([{ text: "Hi", label: "spam" }], labels, begins, { maxTokens: 9 });
  expect(first).toEqual({ ids: Int32Array.of(7, ...gpt2.encode("Hi"), 8), label: 1 });
  const long = [{ text: "a", label: "ham" }, { text: "abc", label: "ham" }];
  expect(labelledExamples(long, labels, characters, { maxTokens: 2, overflow: "truncate" })[1].ids).toHaveLength(2);
  expect(() => labelledExamples(long, labels, characters, { maxTokens: 2 })).toThrow("texts: example 2 has 3 tokens to read, more than 2");
  expect(() => labelledExamples([{ text: "a", label: "eggs" }], labels, characters, { maxTokens: 2 })).toThrow(
    'texts: example 1 has the label "eggs"; there are "ham", "spam"');
});

test("refuses what is no text, by its number", () => {
  const options = { maxTokens: 9 };
  const wrong = (value: unknown): never => value as never;
  expect(() => completionExamples([{ prompt: "a", completion: "b" }, wrong({ prompt: "a" })], gpt2, options)).toThrow("pairs: example 2: completion must be a text, not undefined");
  expect(() => completionExamples([{ prompt: "a", completion: "" }], gpt2, options)).toThrow("pairs: example 1: completion is empty, and so nothing to learn");
  expect(() => completionExamples([{ prompt: "", completion: "a" }], characters, options)).toThrow("pairs: example 1 has an empty prompt");
  expect(() => labelledExamples([{ text: "", label: "a" }], ["a"], gpt2, options)).toThrow("texts: example 1 has no tokens");
  expect(() => documentExamples(wrong("abc"), gpt2, options)).toThrow("texts must be a list");
  expect(() => documentExamples(["a"], gpt2, { maxTokens: 0 })).toThrow("maxTokens must be a whole number from 1");
});
