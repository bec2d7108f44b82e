import { expect, it } from "vitest";
import { CharacterTokenizer, encodingByName, readTiktoken, TokenizerError, tokenizerFromFiles, trainBPE } from "./index.ts";
import { loadTokenizer, saveTokenizer } from "./node.ts";

const gpt2 = await encodingByName("gpt2");
const characters = CharacterTokenizer.fromText("abc");
/** As callers without types may call. */
const untyped = (value: unknown): never => value as never;

it.each<[title: string, call: () => unknown, message: string]>([
  ["encode a number", () => gpt2.encode(untyped(5)), "text is 5; give a string"],
  ["encode nothing", () => characters.encode(untyped(undefined)), "text is undefined; give a string"],
  ["options that are none", () => gpt2.encode("", untyped("all")), 'options is "all"; give an object, or leave it out'],
  [
    "a string for an array",
    () => gpt2.encode("", { allowedSpecial: untyped("<|endoftext|>") }),
    'allowedSpecial is "<|endoftext|>"; give "all" or an array of special tokens',
  ],
  [
    "true for all",
    () => gpt2.encode("", { disallowedSpecial: untyped(true) }),
    'disallowedSpecial is true; give "all" or an array of special tokens',
  ],
  [
    "a number among special tokens",
    () => gpt2.encode("", { allowedSpecial: untyped([50256]) }),
    "allowedSpecial names 50256, which is not a special token of this tokenizer",
  ],
  [
    "a special token for characters",
    () => characters.encode("", { allowedSpecial: ["<s>"] }),
    'allowedSpecial names "<s>", which is not a special token of this tokenizer',
  ],
  ["ids as text", () => gpt2.decode(untyped("1 2")), 'ids is "1 2"; give an array of token ids'],
  ["one id", () => characters.decode(untyped(1)), "ids is 1; give an array of token ids"],
  ["ids of strings", () => gpt2.decode(untyped(["1"])), 'there is no token "1"; the vocabulary has ids below 50257'],
  [
    "an unknown way to decode",
    () => gpt2.decode([], { withoutToken: untyped("ignore") }),
    'withoutToken is "ignore"; give "throw" or "skip"',
  ],
  ["a decoder's options", () => characters.createDecoder(untyped(null)), "options is null; give an object"],
  ["characters of a number", () => new CharacterTokenizer(untyped(5)), "characters is 5; give an array of single characters"],
  ["characters as numbers", () => new CharacterTokenizer(untyped([5])), "entry 0, 5, is not one character"],
  ["texts of a number", () => CharacterTokenizer.fromText(untyped(5)), "texts is 5; give a string, an array of strings"],
  ["texts of numbers", () => CharacterTokenizer.fromText(untyped(["a", 5])), "texts[1] is 5; give a string"],
  ["files as an object", () => tokenizerFromFiles(untyped({})), "files is {}; give a Map from the names of files"],
  ["a file of bytes", () => tokenizerFromFiles(untyped(new Map([["tokenizer.json", new Uint8Array(1)]]))), "tokenizer.json is {"],
  ["no options", () => readTiktoken("", untyped(undefined)), "options is undefined; give { pattern: … }"],
  ["no pattern", () => readTiktoken("", untyped({})), "there is no pattern undefined; there are gpt2, cl100k, o200k, qwen2"],
  [
    "special tokens as a list",
    () => readTiktoken("", { pattern: "gpt2", specialTokens: untyped(["<s>"]) }),
    'specialTokens is ["<s>"]; give an object from token to id',
  ],
])("%s", (_, call, message) => {
  expect(call).toThrow(TokenizerError);
  expect(call).toThrow(message);
});

it.each<[title: string, call: () => Promise<unknown>, message: string]>([
  ["a path", () => loadTokenizer(untyped(5)), "path is 5; give the path of a file or folder"],
  ["a folder", () => saveTokenizer(gpt2, untyped(undefined)), "folder is undefined; give the path of a file or folder"],
  ["no options", () => trainBPE(["a"], untyped(undefined)), "options is undefined; give { vocabSize: … }"],
  ["texts", () => trainBPE(untyped(5), { vocabSize: 300 }), "texts is 5; give a string, an array of strings"],
  ["texts of numbers", () => trainBPE(untyped([5]), { vocabSize: 300 }), "texts[0] is 5; give a string"],
  ["a size as text", () => trainBPE(["a"], { vocabSize: untyped("300") }), 'vocabSize is "300"; give a whole number'],
  ["a fraction", () => trainBPE(["a"], { vocabSize: 300.5 }), "vocabSize is 300.5; give a whole number"],
  [
    "a string for special tokens",
    () => trainBPE(["a"], { vocabSize: 300, specialTokens: untyped("<s>") }),
    'specialTokens is "<s>"; give an array of strings',
  ],
  [
    "a number among special tokens",
    () => trainBPE(["a"], { vocabSize: 300, specialTokens: untyped([5]) }),
    "specialTokens[0], 5, is not a string",
  ],
  ["progress", () => trainBPE(["a"], { vocabSize: 300, onProgress: untyped(true) }), "onProgress is true; give a function"],
  ["a signal", () => trainBPE(["a"], { vocabSize: 300, signal: untyped(5) }), "signal is 5; give an AbortSignal"],
])("%s, asynchronously", async (_, call, message) => {
  await expect(call()).rejects.toMatchObject({ gptError: true });
  await expect(call()).rejects.toThrow(message);
});
