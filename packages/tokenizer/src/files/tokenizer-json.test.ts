import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BytePairTokenizer } from "../bpe/tokenizer.ts";
import { trainBPE } from "../bpe/train.ts";
import { CharacterTokenizer } from "../character.ts";
import { encodingByName } from "../encodings.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { someEncodings } from "../../test/counts.ts";
import { anyText, writtenTexts } from "../../test/texts.ts";
import { jsonOf, withValue } from "../../test/tokenizer-json.ts";
import type { Json } from "../../test/tokenizer-json.ts";
import { tokenizerFiles, tokenizerFromFiles } from "./folder.ts";

const text = "the cat sat on the mat, and the cat's hat was that of the rat. Don't!\n".repeat(3);
const trained = await trainBPE([text], {
  vocabSize: 270,
  specialTokens: ["<|endoftext|>", "<|a b|>"],
  pattern: "gpt2",
});
const trainedJson = jsonOf(trained);
const characters = CharacterTokenizer.fromText("héllo 😀\n");

function read(json: Json): Tokenizer {
  return tokenizerFromFiles(new Map([["tokenizer.json", JSON.stringify(json)]]));
}

function readBytePairs(json: Json): BytePairTokenizer {
  return read(json) as BytePairTokenizer;
}

describe("what is written is read back equal", () => {
  it.each(someEncodings)("%s", async (name) => {
    const tokenizer = await encodingByName(name);
    const files = tokenizerFiles(tokenizer);
    const again = tokenizerFromFiles(files) as BytePairTokenizer;
    expect(again.vocabSize).toBe(tokenizer.vocabSize);
    expect(again.endOfText).toBe(tokenizer.endOfText);
    const firstNames = [...tokenizer.specialTokens].filter(([token, id]) => tokenizer.decode([id]) === token);
    expect(new Map(again.specialTokens)).toEqual(new Map(firstNames));
    for (const text of writtenTexts) {
      expect(again.encode(text, { disallowedSpecial: [] })).toEqual(tokenizer.encode(text, { disallowedSpecial: [] }));
    }
    expect(tokenizerFiles(again)).toEqual(files);
  });

  it.each(["gpt2", "cl100k", "o200k"] as const)("a trained tokenizer with the pattern %s", async (pattern) => {
    const tokenizer = await trainBPE([text], { vocabSize: 270, specialTokens: ["<|endoftext|>"], pattern });
    const again = tokenizerFromFiles(tokenizerFiles(tokenizer));
    expect(again.endOfText).toBe(269);
    const same = (text: string): void => {
      expect(again.encode(text, { disallowedSpecial: [] })).toEqual(tokenizer.encode(text, { disallowedSpecial: [] }));
    };
    fc.assert(fc.property(anyText, same), { numRuns: 200, seed: 1 });
  });

  it("a character tokenizer, with the name of JavaScript's prototype in its reach", () => {
    const again = tokenizerFromFiles(tokenizerFiles(characters)) as CharacterTokenizer;
    expect(again.characters).toEqual(characters.characters);
    const digits = CharacterTokenizer.fromText("3210 _");
    expect((tokenizerFromFiles(tokenizerFiles(digits)) as CharacterTokenizer).characters).toEqual(digits.characters);
  });

  it("a token that is named __proto__", () => {
    const json = jsonOf(trained);
    const vocab = JSON.parse(
      `{"__proto__": 400, ${JSON.stringify((json.model as { vocab: Json }).vocab).slice(1)}`,
    ) as Json;
    const tokenizer = readBytePairs(withValue(json, "model.vocab", vocab));
    expect(tokenizer.decode([400])).toBe("__proto__");
    expect(tokenizerFromFiles(tokenizerFiles(tokenizer)).decode([400])).toBe("__proto__");
  });
});

describe("the file of GPT-2", () => {
  it("has the structure that Hugging Face's tokenizers read", async () => {
    const json = jsonOf(await encodingByName("gpt2"));
    const { vocab, merges, ...model } = json.model as Record<string, Json>;
    expect({ ...json, model }).toMatchInlineSnapshot(`
      {
        "added_tokens": [
          {
            "content": "<|endoftext|>",
            "id": 50256,
            "lstrip": false,
            "normalized": false,
            "rstrip": false,
            "single_word": false,
            "special": true,
          },
        ],
        "decoder": {
          "add_prefix_space": true,
          "trim_offsets": true,
          "type": "ByteLevel",
          "use_regex": true,
        },
        "model": {
          "byte_fallback": false,
          "continuing_subword_prefix": "",
          "dropout": null,
          "end_of_word_suffix": "",
          "fuse_unk": false,
          "ignore_merges": false,
          "type": "BPE",
          "unk_token": null,
        },
        "normalizer": null,
        "padding": null,
        "post_processor": {
          "add_prefix_space": true,
          "trim_offsets": false,
          "type": "ByteLevel",
          "use_regex": true,
        },
        "pre_tokenizer": {
          "add_prefix_space": false,
          "trim_offsets": true,
          "type": "ByteLevel",
          "use_regex": true,
        },
        "truncation": null,
        "version": "1.0",
      }
    `);
    expect(Object.keys(vocab as object)).toHaveLength(50_257);
    expect(vocab).toMatchObject({ "!": 0, Ġthe: 262, "<|endoftext|>": 50256 });
    expect(merges).toHaveLength(50_000);
    expect((merges as string[]).slice(0, 4)).toEqual(["Ġ t", "Ġ a", "h e", "i n"]);
    expect((merges as string[]).at(-1)).toBe("Ġg azed");
  });

  it("is read in its old form too, without type and with an unknown token", async () => {
    const gpt2 = await encodingByName("gpt2");
    let json = withValue(jsonOf(gpt2), "model.type", undefined);
    json = withValue(json, "model.unk_token", "");
    json = withValue(json, "pre_tokenizer", { add_prefix_space: false, trim_offsets: true, type: "ByteLevel" });
    expect(read(json).encode("Hello, world")).toEqual(gpt2.encode("Hello, world"));
  });
});

describe("forms that other programs write", () => {
  const ids = trained.encode(text);

  it("merges as arrays", () => {
    const { merges } = trainedJson.model as { merges: string[] };
    expect(
      read(
        withValue(
          trainedJson,
          "model.merges",
          merges.map((merge) => merge.split(" ")),
        ),
      ).encode(text),
    ).toEqual(ids);
  });

  it("steps in a Sequence, or left out", () => {
    let json = withValue(trainedJson, "pre_tokenizer", {
      type: "Sequence",
      pretokenizers: [trainedJson.pre_tokenizer],
    });
    json = withValue(json, "decoder", { type: "Sequence", decoders: [trainedJson.decoder] });
    for (const name of ["post_processor", "normalizer", "truncation", "padding", "version"])
      json = withValue(json, name, undefined);
    expect(read(json).encode(text)).toEqual(ids);
  });

  it("a Split that removes what is between matches", async () => {
    const tokenizer = await trainBPE([text], { vocabSize: 270, pattern: "cl100k" });
    const json = jsonOf(tokenizer);
    const [split, byteLevel] = (json.pre_tokenizer as { pretokenizers: { [key: string]: Json }[] }).pretokenizers;
    const pretokenizers = [{ ...split, behavior: "Removed", invert: true }, byteLevel];
    expect(read(withValue(json, "pre_tokenizer", { type: "Sequence", pretokenizers })).encode(text)).toEqual(
      tokenizer.encode(text),
    );
  });

  it("ignore_merges: a pre-token that is a token is that token", () => {
    const { vocab } = trainedJson.model as { vocab: { [key: string]: Json } };
    const json = withValue(trainedJson, "model.vocab", { ...vocab, zebra: 400 });
    expect(read(json).encode("zebra")).not.toContain(400);
    const ignoring = readBytePairs(withValue(json, "model.ignore_merges", true));
    expect(ignoring.encode("a zebra")).not.toContain(400);
    expect(ignoring.encode("zebra")).toEqual([400]);
    expect(ignoring.encode("the")).toEqual(trained.encode("the"));
    expect(readBytePairs(jsonOf(ignoring)).encode("zebra")).toEqual([400]);
  });

  it("added tokens that are not special are always found", () => {
    const added: Json = [
      { id: 268, content: "<|endoftext|>", special: true },
      { id: 269, content: "<|a b|>", special: true },
      { id: 270, content: "    ", special: false },
      { id: 271, content: "      " },
    ];
    const tokenizer = readBytePairs(withValue(trainedJson, "added_tokens", added));
    expect(tokenizer.vocabSize).toBe(272);
    expect(tokenizer.encode(`a${" ".repeat(10)}b`)).toEqual([97, 271, 270, 98]);
    expect(tokenizer.decode([271, 270, 269])).toBe(`${" ".repeat(10)}<|a b|>`);
    expect(jsonOf(readBytePairs(jsonOf(tokenizer)))).toEqual(jsonOf(tokenizer));
  });

  it("the token that ends a text, from tokenizer_config.json", () => {
    const json = JSON.stringify(trainedJson);
    const endOfText = (config: Json): number | undefined =>
      tokenizerFromFiles(
        new Map([
          ["tokenizer.json", json],
          ["tokenizer_config.json", JSON.stringify(config)],
        ]),
      ).endOfText;
    expect(endOfText({})).toBe(268);
    expect(endOfText({ eos_token: "<|a b|>" })).toBe(269);
    expect(endOfText({ eos_token: { __type: "AddedToken", content: "<|a b|>" }, add_bos_token: false })).toBe(269);
    expect(endOfText({ eos_token: null })).toBeUndefined();
    expect(endOfText({ eos_token: "none" })).toBe(270);
    expect(endOfText({ tokenizer_class: "PreTrainedTokenizerFast" })).toBeUndefined();
    expect(endOfText({ tokenizer_class: "GPT2TokenizerFast" })).toBe(268);
  });
});

const { vocab, merges } = trainedJson.model as { vocab: { [key: string]: Json }; merges: string[] };
const sequence = (...pretokenizers: Json[]): Json => ({ type: "Sequence", pretokenizers });
const sequenceA: Json = { Sequence: { id: "A", type_id: 0 } };
const template = (...single: Json[]): Json => ({ type: "TemplateProcessing", single, pair: [], special_tokens: {} });
const plainByteLevel = { type: "ByteLevel", add_prefix_space: false, use_regex: false };
const [firstAdded, secondAdded] = trainedJson.added_tokens as { [key: string]: Json }[];
const added = (token: { [key: string]: Json }): Json => [{ ...firstAdded, ...token }, secondAdded];

describe("what cannot be represented, or is wrong, is refused with the name of the field", () => {
  it.each<[path: string, value: Json | undefined, message: string]>([
    ["version", "2.0", 'version is "2.0", which is not supported'],
    ["truncation", 5, "truncation is not an object"],
    ["padding", "[PAD]", "padding is not an object"],
    ["normalizer", { type: "Nmt" }, 'normalizer.type is "Nmt", which is not supported'],
    [
      "normalizer",
      { type: "Sequence", normalizers: [{ type: "Sequence", normalizers: [] }, { type: "Precompiled" }] },
      'normalizer.normalizers[1].type is "Precompiled"',
    ],
    ["normalizer", { type: "Replace", pattern: { String: "" }, content: "" }, "normalizer.pattern.String is empty"],
    ["normalizer", { type: "Replace", pattern: {}, content: "" }, "normalizer.pattern is neither a String nor a Regex"],
    ["normalizer", { type: "Sequence", normalizers: Array.from({ length: 65 }, () => ({ type: "NFC" })) }, "normalizer has more than 64"],
    ["pre_tokenizer", 7, "pre_tokenizer is not an object"],
    ["pre_tokenizer", { type: "UnicodeScripts" }, 'pre_tokenizer.type is "UnicodeScripts", which is not supported'],
    ["pre_tokenizer", sequence(plainByteLevel, plainByteLevel), "pre_tokenizer.pretokenizers[0].type is followed by other steps"],
    ["pre_tokenizer", sequence({ type: "Digits" }, plainByteLevel), "pre_tokenizer.pretokenizers[0].individual_digits is neither"],
    ["pre_tokenizer", sequence({ type: "Split" }, plainByteLevel), "pre_tokenizer.pretokenizers[0].pattern is not an object"],
    [
      "pre_tokenizer",
      sequence({ type: "Split", pattern: { Regex: "(a+)+$" }, behavior: "Isolated" }, plainByteLevel),
      "pre_tokenizer.pretokenizers[0].pattern.Regex repeats what may be matched in several ways",
    ],
    [
      "pre_tokenizer",
      sequence({ type: "Split", pattern: { String: " " }, behavior: "Around" }, plainByteLevel),
      "pre_tokenizer.pretokenizers[0].behavior is not how a Split may split",
    ],
    ["post_processor", { type: "BertProcessing" }, 'post_processor.type is "BertProcessing", which is not supported'],
    ["post_processor", { trim_offsets: true }, "post_processor.type is missing, which is not supported"],
    [
      "post_processor",
      template({ SpecialToken: { id: "<s>", type_id: 0 } }, sequenceA),
      "post_processor.single[0].SpecialToken.id is not among special_tokens",
    ],
    ["post_processor", template(sequenceA, sequenceA), "post_processor.single gives the text other than once"],
    ["post_processor", template(), "post_processor.single gives the text other than once"],
    ["decoder", null, "decoder is not ByteLevel"],
    ["decoder", { type: "WordPiece" }, "decoder is not ByteLevel"],
    ["model", undefined, "model is not an object"],
    ["model", [], "model is not an object"],
    ["model.type", "Unigram", 'model.type is "Unigram", which is not supported'],
    ["model.dropout", 0.1, "model.dropout is 0.1"],
    ["model.continuing_subword_prefix", "##", 'model.continuing_subword_prefix is "##"'],
    ["model.end_of_word_suffix", "</w>", 'model.end_of_word_suffix is "</w>"'],
    ["model.byte_fallback", true, "model.byte_fallback is true"],
    ["model.ignore_merges", 1, "model.ignore_merges is neither true nor false"],
    ["model.vocab", [["a", -1.5]], "model.vocab is a list, which is not supported"],
    ["model.vocab", 5, "model.vocab is not an object"],
    ["model.vocab", {}, 'added_tokens[0] gives "<|endoftext|>" the id 268, but Hugging Face\'s libraries give it 0: the next'],
    ["model.vocab", { ...vocab, "": 400 }, 'model.vocab[""] is the id of a token that is not spelled'],
    ["model.vocab", { ...vocab, "a b": 400 }, 'model.vocab["a b"] is the id of a token that is not spelled'],
    ["model.vocab", { ...vocab, zz: 97 }, 'model.vocab["zz"] is 97, which is the id of "a" too'],
    ["model.vocab", { ...vocab, zz: -1 }, 'model.vocab["zz"] is -1; it must be from 0 to 1048575'],
    ["model.vocab", { ...vocab, zz: 1e15 }, 'model.vocab["zz"] is 1000000000000000; it must be'],
    ["model.vocab", { ...vocab, zz: 1.5 }, 'model.vocab["zz"] is not a whole number'],
    ["model.vocab", { ...vocab, zz: "5" }, 'model.vocab["zz"] is not a whole number'],
    [
      "model.vocab",
      { ...vocab, "<|endoftext|>": 400 },
      'added_tokens[0] gives "<|endoftext|>" the id 268, but Hugging Face\'s libraries give it 400: that of the vocabulary',
    ],
    ["model.merges", { a: "b" }, "model.merges is not an array"],
    ["model.merges", [...merges, "t h e"], `model.merges[${merges.length}] is not a pair of tokens`],
    ["model.merges", [["t", "h", "e"]], "model.merges[0] is not a pair of tokens"],
    ["model.merges", [["t", 5]], "model.merges[0] is not a pair of tokens"],
    ["model.merges", [5], "model.merges[0] is not an array"],
    ["model.merges", ["x qq"], 'model.merges[0] refers to "qq", which is not in the vocabulary'],
    ["model.merges", ["x q"], 'model.merges[0] refers to "xq", which is not in the vocabulary'],
    ["added_tokens", { a: 1 }, "added_tokens is not an array"],
    ["added_tokens", added({ lstrip: 1 }), "added_tokens[0].lstrip is neither true nor false"],
    ["added_tokens", added({ content: 5 }), "added_tokens[0].content is not a string"],
    ["added_tokens", added({ content: "\uD800" }), "added_tokens[0].content has half of a surrogate pair"],
    [
      "added_tokens",
      [firstAdded, secondAdded, { id: 270, content: "a".repeat(1001) }],
      "added_tokens[2] is a token of 1001 characters",
    ],
    [
      "added_tokens",
      [firstAdded, secondAdded, ...Array.from({ length: 1100 }, (_, i) => ({ id: 270 + i, content: `${i}${"x".repeat(960)}` }))],
      "added_tokens[1090] makes the added tokens longer than 1048576 characters together",
    ],
    ["added_tokens", added({ special: "yes" }), "added_tokens[0].special is neither true nor false"],
    ["added_tokens", added({ id: 2 ** 31 }), "added_tokens[0].id is 2147483648; it must be"],
    [
      "added_tokens",
      [firstAdded, secondAdded, { id: 300, content: "new" }],
      'added_tokens[2] gives "new" the id 300, but Hugging Face\'s libraries give it 270: the next one behind the vocabulary',
    ],
    [
      "added_tokens",
      [firstAdded, secondAdded, { id: 97, content: "b" }],
      'added_tokens[2] gives "b" the id 97, but Hugging Face\'s libraries give it 98: that of the vocabulary',
    ],
  ])("%s", (path, value, message) => {
    expect(() => read(withValue(trainedJson, path, value))).toThrow(`tokenizer.json: ${message}`);
  });

  const charactersJson = jsonOf(characters);
  it.each<[path: string, value: Json | undefined, message: string]>([
    ["added_tokens", [{ id: 9, content: "<s>" }], "added_tokens[0] adds a token to a vocabulary of characters"],
    ["pre_tokenizer", null, "pre_tokenizer does not split into characters, which is not supported"],
    ["pre_tokenizer.pattern", { Regex: "." }, "pre_tokenizer does not split by"],
    ["pre_tokenizer.type", "Whitespace", "pre_tokenizer does not split into characters"],
    ["pre_tokenizer.behavior", "Removed", 'pre_tokenizer.behavior is "Removed"'],
    ["pre_tokenizer.invert", true, "pre_tokenizer.invert is true"],
    ["post_processor", { type: "ByteLevel" }, "post_processor is"],
    ["decoder", null, "decoder is null"],
    ["decoder.type", "ByteLevel", 'decoder.type is "ByteLevel"'],
    ["model.vocab", {}, "model.vocab is empty"],
    ["model.vocab", { ab: 0 }, 'model.vocab["ab"] is the id of more or less than one character'],
    ["model.vocab", { "\uD800": 0 }, 'model.vocab["\\ud800"] is the id of half of a surrogate pair'],
    ["model.vocab", { a: 0, b: 0 }, 'model.vocab["b"] is the id of another character too'],
    ["model.vocab", { a: 1 }, "model.vocab has no character with the id 0"],
    ["model.vocab", { a: 1e9 }, 'model.vocab["a"] is 1000000000; it must be'],
    ["model.unk_token", "h", "model.unk_token is a character"],
    ["model.unk_token", null, "model.unk_token is not a string"],
  ])("characters, %s", (path, value, message) => {
    expect(() => read(withValue(charactersJson, path, value))).toThrow(`tokenizer.json: ${message}`);
  });

  it.each([
    ["", "is not valid JSON"],
    ["{", "is not valid JSON"],
    ["nul", "is not valid JSON"],
    ["null", "the value is not an object"],
    ["[]", "the value is not an object"],
    ["[".repeat(5_000_000), "values are nested more than 32 deep"],
    [`{"a":"\\"${"[".repeat(50)}`, "is not valid JSON"],
    [`{"model":${'{"a":'.repeat(40)}1${"}".repeat(40)}}`, "values are nested more than 32 deep"],
  ])("text that is no tokenizer: %.20s", (text, message) => {
    expect(() => tokenizerFromFiles(new Map([["tokenizer.json", text]]))).toThrow(message);
  });

  it("a text that is too long", () => {
    const text = `"${" ".repeat(2 ** 27)}"`;
    expect(() => tokenizerFromFiles(new Map([["tokenizer.json", text]]))).toThrow(/no tokenizer needs more than/);
  });

  it("nothing that makes a tokenizer", () => {
    const message = "the folder has neither tokenizer.json nor vocab.json with merges.txt";
    expect(() => tokenizerFromFiles(new Map())).toThrow(message);
    expect(() => tokenizerFromFiles(new Map([["vocab.json", "{}"]]))).toThrow(message);
  });

  it("to be written: an added token that is spelled like another token or as bytes, and tokenizers of others", async () => {
    const likeBytes = await trainBPE(["the the"], { vocabSize: 270, specialTokens: ["Ġthe"] });
    expect(() => tokenizerFiles(likeBytes)).toThrow('its added token "Ġthe" is spelled like token');
    const latin = await trainBPE(["the the"], { vocabSize: 270, specialTokens: ["<|début|>"] });
    expect(() => tokenizerFiles(latin)).toThrow(
      'its added token "<|début|>" would be decoded as the bytes that it spells; use ASCII alone in its name',
    );
    const foreign: Tokenizer = {
      vocabSize: 1,
      endOfText: 0,
      roles: {},
      encode: () => [],
      decode: () => "",
      createDecoder: () => characters.createDecoder(),
      hasToken: () => false,
    };
    expect(() => tokenizerFiles(foreign)).toThrow(/only this package's/);
  });
});
