import type { Json } from "./tokenizer-json.ts";

type Fields = { [key: string]: Json };

/** A `tokenizer.json` with something in it that reading must get right. */
export interface TokenizerCase {
  readonly title: string;
  readonly json: Fields;
}

/** GPT-2's spelling of the 256 bytes, in the order in which GPT-2 numbers them. */
const byteNames = /* @__PURE__ */ (() => {
  const prints = (byte: number): boolean => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  const others = bytes.filter((byte) => !prints(byte));
  return [...bytes.filter(prints), ...others.map((_, index) => 0x100 + index)].map((code) => String.fromCharCode(code));
})();

const merges = ["h e", "t he", "Ġ the", "c a", "ca t", "Ġ cat", "l l", "he ll", "hell o", "Ġ Ġ", "Ã ©", "h Ã©", "E N", "EN D"];
const names = [...byteNames, ...merges.map((merge) => merge.replace(" ", ""))];

/** A small byte-level BPE tokenizer, with other values at paths such as `model.dropout`. */
export function smallJson(values: Readonly<Record<string, Json>> = {}): Fields {
  const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const json: Fields = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: { ...byteLevel, add_prefix_space: true, trim_offsets: false },
    decoder: { ...byteLevel, add_prefix_space: true },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: "",
      end_of_word_suffix: "",
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(names.map((name, id) => [name, id])),
      merges,
    },
  };
  for (const [path, value] of Object.entries(values)) {
    const [last, ...parents] = path.split(".").reverse();
    let target = json;
    for (const name of parents.reverse()) target = target[name] as Fields;
    target[last] = value;
  }
  return json;
}

/** Added tokens as files have them; those that the vocabulary lacks get the ids behind it. */
export function addedTokens(...tokens: readonly ({ content: string } & Fields)[]): Json[] {
  let next = names.length;
  return tokens.map(({ content, ...flags }) => ({
    id: names.includes(content) ? names.indexOf(content) : next++,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
    ...flags,
  }));
}

const end = { content: "<|endoftext|>" };
/** The vocabulary without some of its bytes, and one name more behind it. */
const withoutBytes = (absent: string, ...more: string[]): Json =>
  Object.fromEntries([...names.filter((name) => !absent.includes(name)), ...more].map((name, id) => [name, id]));
const split = (fields: Fields): Json => ({
  type: "Sequence",
  pretokenizers: [
    { type: "Split", behavior: "Isolated", invert: false, ...fields },
    { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
  ],
});
const gpt2Expression = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const whole = { Sequence: { id: "A", type_id: 0 } };
const template = {
  type: "TemplateProcessing",
  single: [whole],
  pair: [whole, { Sequence: { id: "B", type_id: 1 } }],
  special_tokens: {},
};
const nothing = { type: "Sequence", normalizers: [] };

/** One case for each rule of LOADING.md that concerns a `tokenizer.json`. */
export const tokenizerCases: readonly TokenizerCase[] = Object.entries<Record<string, Json>>({
  "as it is": {},
  "truncation and padding": {
    truncation: { direction: "Right", max_length: 3, strategy: "LongestFirst", stride: 0 },
    padding: {
      strategy: { Fixed: 40 },
      direction: "Right",
      pad_to_multiple_of: null,
      pad_id: 0,
      pad_type_id: 0,
      pad_token: "!",
    },
  },
  "a normalizer of nothing": { normalizer: { type: "Sequence", normalizers: [nothing, nothing] } },
  "a template that adds nothing": { post_processor: { type: "Sequence", processors: [template, template] } },
  "dropout 0": { "model.dropout": 0 },
  "prefixes and suffixes of null": { "model.continuing_subword_prefix": null, "model.end_of_word_suffix": null },
  "merges in pairs": { "model.merges": merges.map((merge) => merge.split(" ")) },
  "merges that are there twice": {
    "model.vocab": withoutBytes("", "el"),
    "model.merges": ["h e", "e l", ...merges.slice(1), "h e"],
  },
  "a comment among merges": { "model.merges": ["#version: 0.2", ...merges] },
  "no pre-token is a token but by merging": { "model.vocab": withoutBytes("", "zebra", "Ġzebra") },
  "ignore_merges": { "model.vocab": withoutBytes("", "zebra", "Ġzebra"), "model.ignore_merges": true },
  "no unknown token": { "model.vocab": withoutBytes("xz") },
  "an unknown token": { "model.vocab": withoutBytes("xz", "<unk>"), "model.unk_token": "<unk>" },
  "fused unknown tokens": {
    "model.vocab": withoutBytes("xz", "<unk>"),
    "model.unk_token": "<unk>",
    "model.fuse_unk": true,
  },
  "an unknown token that is not needed": { "model.unk_token": "<none>" },
  "a space before text": {
    "pre_tokenizer.add_prefix_space": true,
    "added_tokens": addedTokens(end, { content: "<s>", rstrip: true }),
  },
  "a Split as GPT-2's": { pre_tokenizer: split({ pattern: { Regex: gpt2Expression } }) },
  "a Split that removes what is between": {
    pre_tokenizer: split({ pattern: { Regex: gpt2Expression }, behavior: "Removed", invert: true }),
  },
  "a special token": { added_tokens: addedTokens(end) },
  "tokens that begin alike": {
    added_tokens: addedTokens({ content: "<s" }, { content: "<s>" }, { content: "<s></s>" }, { content: "s>" }),
  },
  "a token twice": { added_tokens: addedTokens(end, end).map((token) => ({ ...(token as Fields), id: names.length })) },
  "a token twice with other properties": {
    added_tokens: [...addedTokens({ content: "cat", lstrip: true }), ...addedTokens({ content: "cat", special: false })],
  },
  "an empty token": { added_tokens: [...addedTokens({ content: "" }), ...addedTokens(end)] },
  "tokens of the vocabulary": {
    added_tokens: addedTokens({ content: "cat" }, { content: "Ġthe" }, { content: "t", special: false }),
  },
  "single words": { added_tokens: addedTokens({ content: "NDX", single_word: true }, { content: "-", single_word: true }) },
  "space on the left": { added_tokens: addedTokens({ content: "<s>", lstrip: true }, { content: "</s>" }) },
  "space on the right": { added_tokens: addedTokens({ content: "<s>", rstrip: true }, { content: "</s>" }) },
  "space on both sides": { added_tokens: addedTokens({ content: "<s>", lstrip: true, rstrip: true }, end) },
  "space on the right that is a token": {
    added_tokens: addedTokens({ content: "<s>", rstrip: true }, { content: "  ", special: false }),
  },
  "normalized tokens after the others": {
    added_tokens: addedTokens({ content: "<s>" }, { content: "a<s>b", normalized: true }, { content: "cat", normalized: true }),
  },
  "tokens that spell bytes": {
    added_tokens: addedTokens({ content: "é" }, { content: "Ġhello" }, { content: "caf é" }, { content: "漢" }),
  },
}).map(([title, values]) => ({ title, json: smallJson(values) }));

/** Texts that the cases differ in. */
export const caseTexts: readonly string[] = [
  "",
  "hello the cat",
  " the  cat's hello, END ENDING xEND END_ -END- éEND END\u0301 END.",
  "<s>the</s> <s>  the\n</s>\t <s> \u2003 <s>a<s>b<s",
  "<|endoftext|>hello<|endoftext|> <|endoftext|>\u0085 \u00a0<|endoftext|>",
  "NDX NDXs xNDX NDX_ -NDX- éNDX NDX\u0301 NDX\u200d ٣NDX 漢NDX NDX😀 NDX.",
  "zebra zebra xxzz xzébra caf é café hé é 漢 Ġhello Ġthe",
  "cat  cat    cat <s>   cat t",
  "  <s>    <s> </s>  ",
];
