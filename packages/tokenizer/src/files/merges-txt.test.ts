import { expect, it } from "vitest";
import { trainBPE } from "../bpe/train.ts";
import { encodingByName } from "../encodings.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { writtenTexts } from "../../test/texts.ts";
import { jsonOf } from "../../test/tokenizer-json.ts";
import type { Json } from "../../test/tokenizer-json.ts";
import { tokenizerFromFiles } from "./folder.ts";

function read(vocab: string, merges: string): Tokenizer {
  return tokenizerFromFiles(
    new Map([
      ["vocab.json", vocab],
      ["merges.txt", merges],
    ]),
    "model",
  );
}

function filesOf(tokenizer: Tokenizer): { vocab: { [key: string]: Json }; merges: string[] } {
  return jsonOf(tokenizer).model as { vocab: { [key: string]: Json }; merges: string[] };
}

it("reads GPT-2's files", async () => {
  const gpt2 = await encodingByName("gpt2");
  const { vocab, merges } = filesOf(gpt2);
  for (const text of [`#version: 0.2\n${merges.join("\n")}\n`, merges.join("\r\n")]) {
    const tokenizer = read(JSON.stringify(vocab), text);
    expect(tokenizer.vocabSize).toBe(50_257);
    expect(tokenizer.endOfText).toBe(50_256);
    for (const text of writtenTexts) {
      expect(tokenizer.encode(text, { disallowedSpecial: [] })).toEqual(gpt2.encode(text, { disallowedSpecial: [] }));
    }
  }
});

it("adds GPT-2's token that ends a text where the vocabulary lacks it, as GPT2Tokenizer does", async () => {
  const { vocab, merges } = filesOf(await trainBPE(["a text of text"], { vocabSize: 260 }));
  const tokenizer = read(JSON.stringify(vocab), merges.join("\n"));
  expect(tokenizer.roles).toEqual({ bos: 260, eos: 260, unk: 260 });
  expect(tokenizer.encode("a<|endoftext|>", { allowedSpecial: "all" })).toEqual([97, 260]);
});

it("names file and line of what is wrong", async () => {
  const { vocab, merges } = filesOf(await trainBPE(["text text text"], { vocabSize: 258 }));
  const json = JSON.stringify(vocab);
  expect(merges).toEqual(["e x", "t ex"]);
  expect(() => read(json, "e x\n\nt ex")).toThrow("model: merges.txt: line 2 is not two tokens with a space between them");
  expect(() => read(json, "e x y")).toThrow("line 1 is not two tokens");
  expect(() => read(json, " x")).toThrow("line 1 is not two tokens");
  expect(() => read(json, "e x\n version: 0.2 x")).toThrow("line 2 is not two tokens");
  expect(() => read(json, "#version\ne x\nt x")).toThrow(
    'line 3 of model: merges.txt refers to "tx", which is not in the vocabulary',
  );
  expect(() => read(JSON.stringify({ ...vocab, zz: 97 }), "")).toThrow(
    'model: vocab.json: ["zz"] is 97, which is the id of "a" too',
  );
});
