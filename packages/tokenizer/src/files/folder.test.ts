import { describe, expect, it } from "vitest";
import type { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { addedTokens, smallJson } from "../../test/tokenizer-cases.ts";
import type { Json } from "../../test/tokenizer-json.ts";
import { tokenizerFiles, tokenizerFromFiles } from "./folder.ts";

type Files = Readonly<Record<string, Json>>;

function read(files: Files): BytePairTokenizer {
  const texts = Object.entries(files).map(([name, content]): [string, string] => [
    name,
    typeof content === "string" ? content : JSON.stringify(content),
  ]);
  return tokenizerFromFiles(new Map(texts)) as BytePairTokenizer;
}

const { vocab, merges } = smallJson().model as { vocab: { [name: string]: number }; merges: string[] };
/** Entries of the small vocabulary. */
const size = Object.keys(vocab).length;
const gpt2Files = { "vocab.json": vocab, "merges.txt": `#version: 0.2\n${merges.join("\n")}\n` };
const json = smallJson({ added_tokens: addedTokens({ content: "<|endoftext|>" }, { content: "</s>" }) });
const [end, second] = [size, size + 1];

function idsOf(files: Files, text: string): number[] {
  return read(files).encode(text, { allowedSpecial: "all" });
}

describe("vocab.json and merges.txt, as GPT2Tokenizer reads them", () => {
  it("added_tokens.json: tokens behind the vocabulary, special where a role or a list says so", () => {
    const files = {
      ...gpt2Files,
      "vocab.json": { ...vocab, "<|endoftext|>": size },
      "added_tokens.json": { "[PAD]": size + 1, "<speaker1>": size + 2, "plain": size + 3 },
      "special_tokens_map.json": {
        bos_token: "<|endoftext|>",
        eos_token: "<|endoftext|>",
        unk_token: "<|endoftext|>",
        pad_token: "[PAD]",
        additional_special_tokens: ["<speaker1>"],
      },
      "tokenizer_config.json": { model_max_length: 1024, tokenizer_class: "GPT2Tokenizer" },
    };
    const tokenizer = read(files);
    const hello = vocab.hello;
    expect(tokenizer.encode("hello[PAD]<speaker1>hello", { allowedSpecial: "all" })).toEqual([
      hello,
      size + 1,
      size + 2,
      hello,
    ]);
    expect(tokenizer.vocabSize).toBe(size + 4);
    expect(tokenizer.roles).toEqual({ bos: size, eos: size, unk: size, pad: size + 1 });
    expect([...tokenizer.specialTokens.keys()]).toEqual(["<|endoftext|>", "[PAD]", "<speaker1>"]);
    expect(tokenizer.encode("plain")).toEqual([size + 3]);
  });

  it("special tokens that no file has, behind all others and in the order of their roles", () => {
    const files = {
      ...gpt2Files,
      "added_tokens.json": { "<a>": size },
      "tokenizer_config.json": { pad_token: "<pad>", bos_token: "<s>", additional_special_tokens: ["<x>", "<s>"] },
    };
    const tokenizer = read(files);
    expect(tokenizer.roles).toEqual({ bos: size + 1, eos: size + 2, unk: size + 2, pad: size + 3 });
    expect(idsOf(files, "<a><s><|endoftext|><pad><x>")).toEqual([0, 1, 2, 3, 4].map((index) => size + index));
  });

  it("add_prefix_space", () => {
    expect(idsOf({ ...gpt2Files, "tokenizer_config.json": { add_prefix_space: true } }, "the cat<|endoftext|>the")).toEqual([
      vocab["Ġthe"],
      vocab["Ġcat"],
      size,
      vocab["Ġthe"],
    ]);
  });

  it("no merge is left out, with a first line of #version or without, with a last newline or without", () => {
    const expected = idsOf(gpt2Files, "hello the END");
    for (const text of [merges.join("\n"), `#version: 0.2\n${merges.join("\r\n")}`]) {
      expect(idsOf({ ...gpt2Files, "merges.txt": text }, "hello the END")).toEqual(expected);
    }
  });

  it.each<[name: string, content: Json, message: string]>([
    ["added_tokens.json", { "[PAD]": size + 1 }, `added_tokens.json: ["[PAD]"] gives "[PAD]" the id ${size + 1}, but`],
    ["added_tokens.json", { cat: size }, `added_tokens.json: ["cat"] gives "cat" the id ${size}, but`],
    ["added_tokens.json", { x: "1" }, 'added_tokens.json: ["x"] is not a whole number'],
    ["added_tokens.json", ["x"], "added_tokens.json: the value is not an object"],
    ["tokenizer_config.json", { add_bos_token: 1 }, "tokenizer_config.json: add_bos_token is neither true nor false"],
    [
      "tokenizer_config.json",
      { tokenizer_class: "PreTrainedTokenizerFast" },
      'tokenizer_config.json: tokenizer_class is "PreTrainedTokenizerFast" without tokenizer.json, which is not supported',
    ],
    ["config.json", { model_type: "roberta" }, 'config.json: model_type is "roberta", an unknown tokenizer, which is not supported'],
  ])("refuses what would be read otherwise: %s %j", (name, content, message) => {
    expect(() => read({ ...gpt2Files, [name]: content })).toThrow(message);
  });
});

describe("encoder_bpe_40000.json and vocab_40000.bpe, OpenAI's release of GPT-1", () => {
  const names = ["<unk>", ..."abct.", ..."abct.".split("").map((name) => `${name}</w>`), "ca", "cat</w>"];
  const encoder = Object.fromEntries(names.map((name, id) => [name, id]));
  const merges = "#version: 0.2\nc a\nca t</w>\n";
  const released = { "encoder_bpe_40000.json": encoder, "vocab_40000.bpe": merges };

  it("are read as vocab.json and merges.txt of openai-gpt", () => {
    const theirs = { "vocab.json": encoder, "merges.txt": merges, "config.json": { model_type: "openai-gpt" } };
    const text = "Cat. CAT é cab\n";
    const expected = ["cat</w>", ".</w>", "cat</w>", "<unk>", "ca", "b</w>"].map((name) => encoder[name]);
    for (const files of [released, theirs]) expect(idsOf(files, text)).toEqual(expected);
    expect(read(released).decode(expected.filter((id) => id > 0))).toBe("cat . cat cab");
    expect(read(released).roles).toEqual({ unk: 0 });
  });

  it("what is declared beside them counts, and other files go before them", () => {
    expect(read({ ...released, "tokenizer_config.json": { eos_token: "cat</w>" } }).roles).toEqual({ unk: 0, eos: encoder["cat</w>"] });
    expect(idsOf({ ...released, ...gpt2Files }, "hello")).toEqual([vocab.hello]);
    expect(() => read({ ...released, "vocab_40000.bpe": "#version: 0.2\nc\n" })).toThrow("vocab_40000.bpe: line 2 is not two tokens");
    expect(() => read({ "vocab_40000.bpe": merges })).toThrow("the folder has neither tokenizer.json nor vocab.json with merges.txt");
  });
});

describe("tokenizer.json and what is declared beside it", () => {
  const eos = (beside: Files): number | undefined => read({ "tokenizer.json": json, ...beside }).endOfText;
  const map = { "special_tokens_map.json": { eos_token: "</s>" } };

  it("special_tokens_map.json goes before tokenizer_config.json", () => {
    expect(eos({})).toBe(end);
    expect(eos(map)).toBe(second);
    expect(eos({ ...map, "tokenizer_config.json": { eos_token: "<|endoftext|>" } })).toBe(second);
    expect(eos({ "special_tokens_map.json": { eos_token: { content: "</s>", lstrip: false } } })).toBe(second);
    expect(eos({ "special_tokens_map.json": { eos_token: null }, "tokenizer_config.json": { eos_token: "</s>" } })).toBe(
      undefined,
    );
  });

  it("but neither it nor added_tokens.json counts beside added_tokens_decoder", () => {
    const config: Json = { eos_token: "<|endoftext|>", added_tokens_decoder: { [end]: { content: "<|endoftext|>", special: true } } };
    const files = { ...map, "added_tokens.json": { wrong: 5 }, "tokenizer_config.json": config };
    expect(eos(files)).toBe(end);
    expect(read({ "tokenizer.json": json, ...files }).vocabSize).toBe(size + 2);
  });

  it("the class decides what holds where nothing is said", () => {
    const plain = smallJson({ added_tokens: addedTokens({ content: "</s>" }) });
    const roles = (beside: Files) => read({ "tokenizer.json": plain, ...beside }).roles;
    expect(roles({})).toEqual({});
    expect(roles({ "tokenizer_config.json": { tokenizer_class: "PreTrainedTokenizerFast", eos_token: "</s>" } })).toEqual({
      eos: size,
    });
    expect(roles({ "tokenizer_config.json": { tokenizer_class: "GPT2TokenizerFast", eos_token: "</s>" } })).toEqual({
      bos: size + 1,
      eos: size,
      unk: size + 1,
    });
    expect(roles({ "config.json": { model_type: "gpt2" } })).toEqual({ bos: size + 1, eos: size + 1, unk: size + 1 });
    expect(roles({ "config.json": { model_type: "gpt_oss" } })).toEqual({});
    expect(roles({ "config.json": { model_type: "gpt-typescript" } })).toEqual({});
    expect(roles({ "config.json": { tokenizer_class: "GPT2Tokenizer", model_type: "other" } }).bos).toBe(size + 1);
  });

  it("added_tokens_decoder adds tokens and changes how those of tokenizer.json are found", () => {
    const decoder: Json = {
      [second]: { content: "</s>", lstrip: true, rstrip: true, special: true },
      [size + 2]: { content: "new", special: false },
    };
    const files = { "tokenizer.json": json, "tokenizer_config.json": { added_tokens_decoder: decoder, pad_token: "new" } };
    expect(idsOf(files, "cat </s> cat")).toEqual([vocab.cat, second, vocab.cat]);
    expect(read(files).specialTokens.get("new")).toBe(size + 2);
    expect(read(files).roles.pad).toBe(size + 2);
  });

  it("the pad token of `padding`, unless another file has the key", () => {
    const padded = { ...json, padding: { pad_token: "</s>", pad_id: second } };
    expect(read({ "tokenizer.json": padded }).roles.pad).toBe(second);
    const config = { "tokenizer_config.json": { pad_token: null } };
    expect(read({ "tokenizer.json": padded, ...config }).roles.pad).toBeUndefined();
  });

  it("extra_special_tokens as a list and by name; other names only for tokens that there are", () => {
    const files = (config: Json) => ({ "tokenizer.json": json, "tokenizer_config.json": config });
    expect(idsOf(files({ extra_special_tokens: ["<x>"] }), "<x>")).toEqual([size + 2]);
    expect(idsOf(files({ extra_special_tokens: { image_token: "<x>" } }), "<x>")).toEqual([size + 2]);
    expect(idsOf(files({ model_specific_special_tokens: { image_token: "<x>" } }), "<x>")).toEqual([size + 2]);
    expect(idsOf(files({ image_token: "</s>" }), "</s>")).toEqual([second]);
    expect(() => read(files({ image_token: "<x>" }))).toThrow(
      "tokenizer_config.json: image_token names a token that the vocabulary lacks",
    );
  });

  it("a plain token with a role becomes an added one", () => {
    const files = { "tokenizer.json": json, "tokenizer_config.json": { eos_token: "cat" } };
    expect(read(files).endOfText).toBe(vocab.cat);
    expect(idsOf(files, "xcats")).toEqual([vocab.x, vocab.cat, vocab.s]);
    expect(() => read(files).encode("cat")).toThrow('the special token "cat"');
  });

  it("add_prefix_space: GPT-2's class goes by tokenizer_config.json, others by the file", () => {
    const spaced = smallJson({ "pre_tokenizer.add_prefix_space": true });
    const ids = (file: Json, config: Json) => idsOf({ "tokenizer.json": file, "tokenizer_config.json": config }, "the");
    const [without, withSpace] = [[vocab.the], [vocab["Ġthe"]]];
    expect(ids(spaced, {})).toEqual(withSpace);
    expect(ids(spaced, { add_prefix_space: true })).toEqual(withSpace);
    expect(ids(spaced, { tokenizer_class: "GPT2Tokenizer" })).toEqual(without);
    expect(ids(json, { tokenizer_class: "GPT2Tokenizer", add_prefix_space: true })).toEqual(withSpace);
    for (const [file, setting] of [[spaced, false], [json, true]] as const) {
      expect(() => ids(file, { add_prefix_space: setting })).toThrow(
        `tokenizer_config.json: add_prefix_space is not ${!setting} as in tokenizer.json`,
      );
    }
  });

  it.each<[name: string, content: Json, message: string]>([
    ["tokenizer_config.json", { tokenizer_class: "BertTokenizer" }, 'tokenizer_class is "BertTokenizer", an unknown tokenizer'],
    ["tokenizer_config.json", { tokenizer_class: 5 }, "tokenizer_class is 5, an unknown tokenizer"],
    ["config.json", { model_type: "bert" }, 'config.json: model_type is "bert", an unknown tokenizer'],
    ["tokenizer_config.json", { split_special_tokens: true }, "split_special_tokens is true, which is not supported"],
    ["tokenizer_config.json", { from_slow: true }, "from_slow is true, which is not supported"],
    ["tokenizer_config.json", { init_inputs: ["x"] }, "init_inputs[0] is an argument of a class"],
    ["tokenizer_config.json", { fast_tokenizer_files: ["tokenizer.4.json"] }, 'fast_tokenizer_files[0] is "tokenizer.4.json"'],
    ["tokenizer_config.json", { eos_token: 5 }, "eos_token is neither a string nor an object"],
    ["tokenizer_config.json", { eos_token: { content: "</s>" } }, 'eos_token.__type is not "AddedToken"'],
    ["tokenizer_config.json", { eos_token: { __type: "AddedToken" } }, "eos_token.content is not a string"],
    ["tokenizer_config.json", { added_tokens_decoder: null }, "added_tokens_decoder is not an object"],
    ["tokenizer_config.json", { added_tokens_decoder: { x: { content: "x" } } }, '["x"] is not under an id from 0 to 1048575'],
    ["tokenizer_config.json", { added_tokens_decoder: { 5: { content: "x" } } }, `gives "x" the id 5, but`],
    [
      "tokenizer_config.json",
      { added_tokens_decoder: {}, eos_token: { __type: "AddedToken", content: "</s>", lstrip: true } },
      "eos_token is declared otherwise in tokenizer.json",
    ],
    ["special_tokens_map.json", { additional_special_tokens: "x" }, "additional_special_tokens is not an array"],
    ["added_tokens.json", { "</s>": 5 }, 'added_tokens.json: ["</s>"] gives "</s>" the id 5, but'],
  ])("refuses what is wrong, or read in two ways: %s %j", (name, content, message) => {
    expect(() => read({ "tokenizer.json": json, [name]: content })).toThrow(message);
  });
});

describe("kinds of tokenizers that this package does not know are unsupported, not damaged", () => {
  const model = (fields: Json): Json => ({ ...smallJson(), model: fields });
  it.each<[kind: string, json: Json]>([
    ["Unigram", model({ type: "Unigram", unk_id: 0, vocab: [["<unk>", 0]] })],
    ["Unigram of old files", model({ unk_id: 0, vocab: [["<unk>", 0]] })],
    ["WordPiece", model({ type: "WordPiece", unk_token: "[UNK]", vocab: { "[UNK]": 0 } })],
    ["WordPiece of old files", model({ unk_token: "[UNK]", vocab: { "[UNK]": 0 } })],
    ["BPE over characters", smallJson({ "model.vocab": { "a": 0, "▁a": 1 }, "model.merges": [] })],
    ["words", model({ type: "WordLevel", vocab: { the: 0, cat: 1 }, unk_token: "<unk>" })],
    ["a model to come", model({ type: "Patches", vocab: 5 })],
  ])("%s", (_, json) => {
    let error: unknown;
    try {
      read({ "tokenizer.json": json });
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "unsupported-file" });
    expect((error as Error).message).toMatch(/^tokenizer\.json: [a-z_.]+.*, which is not supported$/);
    expect((error as Error).message).not.toMatch(/damaged|delete|remove/);
  });
});

describe("tokens around a text", () => {
  const around = (config: Json, beside: Json = {}) => read({
    "tokenizer.json": { ...json, ...(beside as object) }, "tokenizer_config.json": config,
  }).around;
  const bos = { bos_token: "</s>", eos_token: "<|endoftext|>" };
  const template: { [key: string]: Json } = {
    post_processor: {
      type: "TemplateProcessing",
      single: [{ SpecialToken: { id: "</s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
      pair: [],
      special_tokens: { "</s>": { id: "</s>", ids: [second], tokens: ["</s>"] } },
    },
  };

  it("are those of the template, unless add_bos_token or add_eos_token say otherwise", () => {
    expect(around(bos)).toEqual({ before: [], behind: [] });
    expect(around(bos, template)).toEqual({ before: [second], behind: [] });
    expect(around({ ...bos, add_bos_token: false }, template)).toEqual({ before: [], behind: [] });
    expect(around({ ...bos, add_eos_token: true }, template)).toEqual({ before: [], behind: [end] });
    expect(around({ ...bos, add_bos_token: true, add_eos_token: true })).toEqual({ before: [second], behind: [end] });
    expect(around({ add_bos_token: true })).toEqual({ before: [], behind: [] });
  });

  it("are added where they are asked for, and written again", () => {
    const tokenizer = read({ "tokenizer.json": { ...json, ...template }, "tokenizer_config.json": bos });
    expect(tokenizer.encode("the", { addSpecialTokens: true })).toEqual([second, ...tokenizer.encode("the")]);
    expect(tokenizer.encode("", { addSpecialTokens: true })).toEqual([second]);
    expect(tokenizerFromFiles(tokenizerFiles(tokenizer)).around).toEqual(tokenizer.around);
    expect(() => tokenizer.encode("", { addSpecialTokens: 1 as never })).toThrow("addSpecialTokens is 1; give true or false");
  });
});

describe("classes that make a tokenizer of vocab.json and merges.txt", () => {
  const letters = [..."abcdehinoprst.,!'"];
  const names = ["<unk>", ...letters, ...letters.map((letter) => `${letter}</w>`), "th", "the</w>", "pr", "is</w>"];
  const gpt1 = {
    "vocab.json": Object.fromEntries(names.map((name, id) => [name, id])),
    "merges.txt": "#version: 0.2\nt h\nth e</w>\np r\ni s</w>\n",
    "config.json": { model_type: "openai-gpt" },
  };
  const id = (name: string): number => names.indexOf(name);

  it("GPT-1's: cleaned up, lower case, the ends of words in the names", () => {
    const tokenizer = read(gpt1);
    const ids = tokenizer.encode("The  PRÉs is\u0000,\n漢 the!");
    const expected = ["the</w>", "pr", "e", "s</w>", "is</w>", ",</w>", "<unk>", "the</w>", "!</w>"];
    expect(ids).toEqual(expected.map(id));
    expect(tokenizer.decode(ids)).toBe("the pres is , <unk>the !");
    expect(tokenizer.roles).toEqual({ unk: 0 });
    expect(tokenizerFromFiles(tokenizerFiles(tokenizer)).encode("the Pr.")).toEqual(tokenizer.encode("the Pr."));
  });

  it("Qwen2's: NFC, and digits one by one", () => {
    const tokenizer = read({ ...gpt2Files, "tokenizer_config.json": { tokenizer_class: "Qwen2Tokenizer" } });
    expect(tokenizer.encode("he\u0301 12")).toEqual(tokenizer.encode("hé 12"));
    expect(tokenizer.encode("12").length).toBe(2);
    expect(tokenizer.roles).toEqual({ eos: size, unk: size, pad: size });
  });

  it("those of others need a tokenizer.json", () => {
    expect(() => read({ ...gpt2Files, "config.json": { model_type: "llama" } })).toThrow('model_type is "llama" without tokenizer.json');
  });
});
