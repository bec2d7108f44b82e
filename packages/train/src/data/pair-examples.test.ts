import { CharacterTokenizer } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { expect, test } from "vitest";
import { choiceExamples, pairExamples } from "./pair-examples.ts";

const characters = CharacterTokenizer.fromText("\nabcdefgh |");
/** One with tokens around texts, and one between them. */
const marked: Tokenizer = {
  vocabSize: 23, endOfText: undefined, around: { before: [20], behind: [21] }, roles: { sep: 22 }, encode: (text) => characters.encode(text),
  decode: (ids) => characters.decode(ids), createDecoder: () => characters.createDecoder(), hasToken: () => true,
};

const written = (ids: Iterable<number>): string => Array.from(ids, (id) => ({ 20: "^", 21: "$", 22: "§" })[id] ?? characters.decode([id])).join("");

const question = { context: "abc", choices: ["d", "ef"], answer: 1 };

test("a question is a sequence for each candidate, with the tokenizer's tokens", () => {
  const textsOf = (tokenizer: Tokenizer, changes = {}, options = {}) =>
    choiceExamples([{ ...question, ...changes }], tokenizer, { maxTokens: 9, ...options }).map(({ choices, answer }) => [...choices.map(written), answer])[0];
  expect(textsOf(characters)).toEqual(["abc\nd", "abc\nef", 1]);
  expect(textsOf(characters, { answer: "d" }, { delimiter: " | " })).toEqual(["abc | d", "abc | ef", 0]);
  expect(textsOf(marked)).toEqual(["^abc§d$", "^abc§ef$", 1]);
  expect(textsOf(marked, {}, { delimiter: "|" })).toEqual(["^abc|d$", "^abc|ef$", 1]);
  // All candidates keep as much of the context.
  expect(textsOf(marked, {}, { maxTokens: 7, overflow: "truncate" })).toEqual(["^bc§d$", "^bc§ef$", 1]);
});

test("what is no question is refused by its number", () => {
  const refused = (changes: object, options = {}) => () => choiceExamples([question, { ...question, ...changes }], characters, { maxTokens: 9, ...options });
  expect(refused({ answer: "g" })).toThrow('questions: example 2 has the answer "g", which is none of its choices');
  expect(refused({ answer: 2 })).toThrow("questions: example 2: answer must be a whole number from 0 to 1, not 2");
  expect(refused({ answer: "d", choices: ["d", "d"] })).toThrow('has the answer "d" twice among its choices; give its number');
  expect(refused({ choices: ["d"] })).toThrow("questions: example 2 has 1 choices, and needs two");
  expect(refused({ choices: ["d", ""] })).toThrow("questions: example 2: choices[1] is empty");
  expect(refused({ context: "abcdefg" })).toThrow("questions: example 2 has 10 tokens to read, more than 9");
  expect(refused({ choices: ["abcdefgha", "b"] }, { overflow: "truncate" })).toThrow("questions: example 2 has 13 tokens to read, more than 9");
});

test("entailment is one sequence, similarity one in each order", () => {
  const pairs = [{ premise: "ab", hypothesis: "c", label: "yes" }, { text1: "ab", text2: "c", label: "no" }];
  const textsOf = (maxTokens: number, overflow?: "truncate") => pairExamples(pairs, ["no", "yes"], marked, { maxTokens, overflow })
    .map(({ ids, reversed, label }) => [written(ids), reversed && written(reversed), label]);
  expect(textsOf(6)).toEqual([["^ab§c$", undefined, 1], ["^ab§c$", "^c§ab$", 0]]);
  expect(textsOf(5, "truncate")).toEqual([["^a§c$", undefined, 1], ["^a§c$", "^c§a$", 0]]);
  expect(() => textsOf(5)).toThrow("pairs: example 1 has 6 tokens to read, more than 5");
  expect(() => pairExamples(pairs, ["yes"], marked, { maxTokens: 9 })).toThrow('pairs: example 2 has the label "no"; there are "yes"');
  expect(() => pairExamples([{ premise: "a" } as never], ["yes"], marked, { maxTokens: 9 })).toThrow("pairs: example 1: hypothesis must be a text, not undefined");
});
