import { addedTokens, smallJson } from "./tokenizer-cases.ts";
import type { TokenizerCase } from "./tokenizer-cases.ts";
import type { Json } from "./tokenizer-json.ts";

// A case for each normalizer, pre-tokenizer, post-processor and decoder, and what patterns may have in them.

type Fields = { [key: string]: Json };

const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
const sequence = (...pretokenizers: Json[]): Json => ({ type: "Sequence", pretokenizers });
const split = (Regex: string, behavior = "Isolated", invert = false): Fields => ({ type: "Split", pattern: { Regex }, behavior, invert });
const onBytes = (...steps: Json[]): Record<string, Json> => ({ pre_tokenizer: sequence(...steps, byteLevel) });
const normalizers = (...steps: Json[]): Record<string, Json> => ({ normalizer: { type: "Sequence", normalizers: steps } });
const space = { String: " " };
const toMark = { type: "Replace", pattern: space, content: "▁" };
const qwen = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;

const characters = [..."<unk>".split("|"), ..."▁abcdehlnost'.,!12x\n", "é", "e\u0301", "the", "▁the", "th", "he", "▁▁", "▁c", "at", "▁cat"];
const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
const characterMerges = [["t", "h"], ["th", "e"], ["▁", "the"], ["▁", "▁"], ["a", "t"], ["▁", "c"], ["▁c", "at"], ["h", "e"]];

/** A small BPE tokenizer over characters, as SentencePiece's, with other values at paths. */
function characterJson(values: Readonly<Record<string, Json>> = {}, names: readonly string[] = [...characters, ...bytes]): Fields {
  const json = smallJson({
    "model.vocab": Object.fromEntries(names.map((name, id) => [name, id])),
    "model.merges": characterMerges,
    "model.byte_fallback": true,
    "model.unk_token": "<unk>",
    "model.fuse_unk": true,
    ...values,
  });
  return {
    ...json,
    normalizer: values.normalizer ?? { type: "Sequence", normalizers: [{ type: "Prepend", prepend: "▁" }, toMark] },
    pre_tokenizer: values.pre_tokenizer ?? null,
    post_processor: values.post_processor ?? null,
    decoder: values.decoder ?? {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
  };
}

const template = (before: string[], behind: string[], ids: Readonly<Record<string, number>>): Json => {
  const special = (id: string): Json => ({ SpecialToken: { id, type_id: 0 } });
  const single = [...before.map(special), { Sequence: { id: "A", type_id: 0 } }, ...behind.map(special)];
  const tokens = Object.entries(ids).map(([id, number]) => [id, { id, ids: [number], tokens: [id] }]);
  return {
    type: "TemplateProcessing",
    single,
    pair: [...single, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: Object.fromEntries(tokens) as Json,
  };
};
const metaspace = (prepend_scheme: string, splits: boolean): Json => ({ type: "Metaspace", replacement: "▁", prepend_scheme, split: splits });
const noBytes = [...characters].filter((name) => name !== "x");
const words = { "model.end_of_word_suffix": "</w>", "model.byte_fallback": false, "model.fuse_unk": false };
const wordNames = ["<unk>", ..."abcdehlnost'.,!12", ...[..."abcdehlnost'.,!12"].map((name) => `${name}</w>`), "the</w>", "th", "at</w>", "cat</w>"];
const added = addedTokens({ content: "<s>" }, { content: "</s>" });

const ofBytes: Record<string, Record<string, Json>> = {
  "NFC": { normalizer: { type: "NFC" } },
  "NFD": { normalizer: { type: "NFD" } },
  "NFKC": { normalizer: { type: "NFKC" } },
  "NFKD": { normalizer: { type: "NFKD" } },
  "Lowercase": { normalizer: { type: "Lowercase" } },
  "Prepend": { normalizer: { type: "Prepend", prepend: "the" } },
  "Replace of a String": { normalizer: { type: "Replace", pattern: { String: "he" }, content: "cat" } },
  "Replace of a Regex": { normalizer: { type: "Replace", pattern: { Regex: "\\s+" }, content: " " } },
  "Strip": { normalizer: { type: "Strip", strip_left: true, strip_right: true } },
  "Strip of the right": { normalizer: { type: "Strip", strip_left: false, strip_right: true } },
  "StripAccents": normalizers({ type: "NFD" }, { type: "StripAccents" }),
  "BertNormalizer": {
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  },
  "several normalizers": normalizers({ type: "NFKC" }, { type: "Lowercase" }, toMark),
  "normalized tokens that normalizing changes": {
    normalizer: { type: "Lowercase" },
    added_tokens: addedTokens({ content: "END", normalized: true }, { content: "NDX" }),
  },
  "no pattern": { pre_tokenizer: byteLevel },
  "no pattern, a space before": { pre_tokenizer: { ...byteLevel, add_prefix_space: true } },
  "a space before each piece of a Split": {
    pre_tokenizer: sequence(split(qwen), { ...byteLevel, add_prefix_space: true }),
  },
  "the pattern of Qwen": onBytes(split(qwen)),
  "Digits": onBytes({ type: "Digits", individual_digits: false }),
  "Digits, one by one, before GPT-2's pattern": {
    pre_tokenizer: sequence({ type: "Digits", individual_digits: true }, { ...byteLevel, use_regex: true }),
  },
  "Punctuation": onBytes({ type: "Punctuation", behavior: "Contiguous" }),
  "WhitespaceSplit": onBytes({ type: "WhitespaceSplit" }),
  "a Split by a String": onBytes({ type: "Split", pattern: { String: "the" }, behavior: "MergedWithNext", invert: false }),
  ...Object.fromEntries(
    ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"].flatMap((behavior) =>
      [false, true].map((invert) => [
        `a Split that is ${behavior}${invert ? ", inverted" : ""}`,
        onBytes(split("[aeé]|\\d", behavior, invert)),
      ]),
    ),
  ),
  "several Splits": onBytes(split("\\p{N}{1,3}"), split("[\\u4e00-\\u9fff]+"), split(" ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s+(?!\\S)|\\s+")),
  "possessive repetition": onBytes(split("[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\s++(?!\\S)|\\s+")),
  "an atomic group": onBytes(split("(?>t|th)e|(?>a+)t")),
  "lazy repetition": onBytes(split("t\\w*?e|\\S+?")),
  "looking ahead and behind": onBytes(split("(?<=t)h|(?<![a-z])c|a(?=t)|\\d(?!\\d)")),
  "a border of words": onBytes(split("\\b[a-z]+\\b|\\B[A-Z]")),
  "lines": onBytes(split("^.+$")),
  "classes in classes": onBytes(split("[a-z&&[^aeiou]]+|[[:upper:][:digit:]]|[^\\W\\d_[a-z]]")),
  "case that does not count": onBytes(split("(?i:END|[c-e]A)|(?i)'S|k")),
  "an empty match": onBytes(split("(?=(?:[A-Z]{2})+(?![A-Z]))")),
  "names of scripts and properties": onBytes(split("\\p{Han}|\\p{^Latin}|\\p{Emoji}+|\\P{L}")),
  "a template that adds tokens": {
    added_tokens: added,
    post_processor: template(["<s>", "<s>"], ["</s>"], { "<s>": 270, "</s>": 271 }),
  },
};

const ofCharacters: Record<string, Fields> = {
  "characters with byte fallback": characterJson(),
  "characters without some bytes": characterJson({}, [...noBytes, ...bytes.filter((_, byte) => byte < 0xe0)]),
  "unknown characters": characterJson({ "model.byte_fallback": false }, noBytes),
  "unknown characters, each alone": characterJson({ "model.byte_fallback": false, "model.fuse_unk": false }, noBytes),
  "no unknown token": characterJson({ "model.byte_fallback": false, "model.unk_token": null }, noBytes),
  "characters and ignore_merges": characterJson({ "model.ignore_merges": true, pre_tokenizer: metaspace("always", true), normalizer: { type: "NFC" } }),
  "Metaspace, first": characterJson({ normalizer: { type: "NFC" }, pre_tokenizer: metaspace("first", true), decoder: metaspace("first", true), added_tokens: addedCharacters() }),
  "Metaspace, never": characterJson({ normalizer: { type: "NFC" }, pre_tokenizer: metaspace("never", true), decoder: metaspace("never", true) }),
  "Metaspace, whole": characterJson({ normalizer: { type: "NFC" }, pre_tokenizer: metaspace("always", false), decoder: metaspace("always", true), added_tokens: addedCharacters() }),
  "a space in a token": characterJson({ "model.merges": [...characterMerges, ["s", "▁"]] }, [...characters, ...bytes, "s▁"]),
  "Gemma's parts": characterJson({
    normalizer: toMark,
    pre_tokenizer: { type: "Split", pattern: space, behavior: "MergedWithPrevious", invert: false },
    post_processor: template(["<unk>"], [], { "<unk>": 0 }),
  }),
  "normalized tokens of characters": characterJson({ added_tokens: addedCharacters({ normalized: true }) }),
  "no decoder": { ...characterJson(), decoder: null },
  "Strip of the end": characterJson({
    decoder: { type: "Sequence", decoders: [{ type: "Fuse" }, { type: "Strip", content: "t", start: 0, stop: 1 }] },
  }),
  "words with ends": characterJson(
    {
      ...words,
      "model.merges": [["t", "h"], ["th", "e</w>"], ["a", "t</w>"], ["c", "at</w>"]],
      normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
      pre_tokenizer: { type: "BertPreTokenizer" },
      decoder: { type: "BPEDecoder", suffix: "</w>" },
    },
    wordNames,
  ),
};

function addedCharacters(flags: Fields = {}): Json[] {
  const token = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return [{ id: characters.length + bytes.length, content: "<s>", ...token, ...flags }];
}

export const pipelineCases: readonly TokenizerCase[] = [
  ...Object.entries(ofBytes).map(([title, values]) => ({ title, json: smallJson(values) })),
  ...Object.entries(ofCharacters).map(([title, json]) => ({ title, json })),
];

/** Texts that the cases differ in. */
export const pipelineTexts: readonly string[] = [
  "",
  " ",
  "The cat's that.  the CATS, 12345 a1b22!\n\n  the end \n",
  "the cat sat on the mat<s> the cat",
  "<s>the<s>  cat</s> ▁the▁▁cat",
  "e\u0301é É ﬁ ½ Å ΑΣ ΣΑΣ İ ſ K 'S's 'ſ",
  "漢字かな 中文 \u3000 漢 😀👍🏽 ﷺ",
  "a\u0085b\u00a0c\u200bd\ufeffe\u0000f\u001fg",
  "xyzx x\u{16fe4}\u{10ffff} \u0344 \u1abf\u0316 \u{16121} \u05b0\u0591",
  "ENDING end End NDX aaa tthe the",
  "  <s>   the  ",
  "\t\r\n\r\n x\r",
];
