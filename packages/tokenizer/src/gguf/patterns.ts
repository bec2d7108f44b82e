import { expressions } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";

/** How text is split, by llama.cpp's name for it, and as a `tokenizer.json` says it. */
export interface Splitting {
  readonly preTokenizer: object;
  readonly ignoreMerges: boolean;
  /** Whether a first token is added where a file does not say it. */
  readonly addBos: boolean;
}

function byteLevel(useRegex: boolean): object {
  return { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: useRegex };
}

function split(pattern: PatternName): object {
  const first = { type: "Split", pattern: { Regex: expressions[pattern] }, behavior: "Isolated", invert: false };
  return { type: "Sequence", pretokenizers: [first, byteLevel(false)] };
}

/** llama.cpp, src/llama-vocab.cpp: `tokenizer.ggml.pre`, its expressions and what it sets beside them. */
export const splittings: Readonly<Record<string, Splitting>> = {
  "gpt-2": { preTokenizer: byteLevel(true), ignoreMerges: false, addBos: false },
  "llama-bpe": { preTokenizer: split("cl100k"), ignoreMerges: true, addBos: true },
  dbrx: { preTokenizer: split("cl100k"), ignoreMerges: false, addBos: false },
  qwen2: { preTokenizer: split("qwen2"), ignoreMerges: false, addBos: false },
  "gpt-4o": { preTokenizer: split("o200k"), ignoreMerges: false, addBos: false },
  smollm: {
    preTokenizer: { type: "Sequence", pretokenizers: [{ type: "Digits", individual_digits: true }, byteLevel(true)] },
    ignoreMerges: false, addBos: false,
  },
};

/** Other names of the same. */
export const aliases: Readonly<Record<string, string>> = {
  llama3: "llama-bpe", "llama-v3": "llama-bpe", "smaug-bpe": "dbrx", "deepseek-r1-qwen": "qwen2", llama4: "gpt-4o", starcoder: "smollm", refact: "smollm",
  "command-r": "smollm",
};

/** Whether two parts of `tokenizer.json` split alike: offsets, which some trim, are of no account. */
export function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  names.delete("trim_offsets");
  return [...names].every((name) => isSame((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]));
}

/** SentencePiece's parts as Hugging Face has them for Llama 2 (transformers, convert_slow_tokenizer.py, LlamaConverter). */
export function sentencePieceParts(addsSpace: boolean): { readonly normalizer: object; readonly decoder: object } {
  const replace = { type: "Replace", pattern: { String: " " }, content: "▁" };
  const strip = { type: "Strip", content: " ", start: 1, stop: 0 };
  return {
    normalizer: { type: "Sequence", normalizers: [...(addsSpace ? [{ type: "Prepend", prepend: "▁" }] : []), replace] },
    decoder: {
      type: "Sequence",
      decoders: [{ ...replace, pattern: { String: "▁" }, content: " " }, { type: "ByteFallback" }, { type: "Fuse" }, ...(addsSpace ? [strip] : [])],
    },
  };
}
