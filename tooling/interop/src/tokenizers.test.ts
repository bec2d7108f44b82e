import { Tokenizer as FromJavaScript } from "@huggingface/tokenizers";
import { encodingByName, encodingNames, tokenizerFiles, trainBPE } from "@gpt/tokenizer";
import type { BytePairTokenizer } from "@gpt/tokenizer";
import { Tokenizer as FromRust } from "tokenizers";
import { beforeAll, describe, expect, test } from "vitest";
import { writtenTexts } from "../../../packages/tokenizer/test/texts.ts";

/** Every text of the tokenizer's own tests that is UTF-16 without lone halves of pairs, which Rust has no strings for. */
const texts = writtenTexts.filter((text) => !/\p{Cs}/u.test(text));

const tokenizers: Readonly<Record<string, () => Promise<BytePairTokenizer>>> = {
  ...Object.fromEntries(encodingNames.map((name) => [name, () => encodingByName(name)])),
  "trained here": () => trainBPE(texts, { vocabSize: 400, specialTokens: ["<|endoftext|>"] }),
};

// What is written here is read by the libraries of Hugging Face, and means the same there.
describe.each(Object.entries(tokenizers))("tokenizer.json of %s", (_, open) => {
  let tokenizer: BytePairTokenizer;
  let json: string;
  beforeAll(async () => {
    tokenizer = await open();
    const content = new Map(tokenizerFiles(tokenizer)).get("tokenizer.json");
    if (content === undefined) throw new Error("no tokenizer.json is written");
    json = typeof content === "string" ? content : new TextDecoder().decode(content);
  });

  test("in tokenizers (Rust)", async () => {
    const theirs = FromRust.fromString(json);
    for (const text of texts) {
      const ids = tokenizer.encode(text, { allowedSpecial: "all" });
      const encoding = await theirs.encode(text, null, { addSpecialTokens: false });
      expect(encoding.getIds(), JSON.stringify(text)).toEqual(ids);
      expect(await theirs.decode(ids, false)).toBe(tokenizer.decode(ids));
    }
  });

  test("in @huggingface/tokenizers (JavaScript)", () => {
    const theirs = new FromJavaScript(JSON.parse(json) as object, {});
    for (const text of texts) {
      const { ids } = theirs.encode(text, { add_special_tokens: false });
      expect(ids, JSON.stringify(text)).toEqual(tokenizer.encode(text, { allowedSpecial: "all" }));
    }
  });
});
