import { EventLoopYielder } from "@gpt/common";
import { TokenizerError } from "../errors.ts";
import { quote } from "../messages.ts";
import { checkText, checkTexts, invalidOption } from "../options.ts";
import { checkPattern } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import { wellFormed } from "../unicode/text.ts";
import { Utf8Parts } from "../unicode/utf8-parts.ts";
import { specialToken } from "./added-tokens.ts";
import { concatenate } from "./bytes.ts";
import { MergeTable } from "./merge-table.ts";
import { PairIndex } from "./pair-index.ts";
import { SpecialSplitter } from "./special-splitter.ts";
import { TokenBytes } from "./token-bytes.ts";
import { BytePairTokenizer } from "./tokenizer.ts";
import { maxVocabSize, rolesByName } from "./vocabulary.ts";
import { WordCounts } from "./word-counts.ts";

/** How a byte-pair tokenizer is trained. */
export interface TrainBPEOptions {
  /** Entries of the vocabulary with the 256 bytes and the special tokens; fewer where the text has no more pairs. */
  readonly vocabSize: number;
  /**
   * They get the last ids, in this order. Nothing is learnt from where they are written out in a text, or across texts,
   * as in a file that is read in parts. Default: none.
   */
  readonly specialTokens?: readonly string[];
  /** How text is split into the pre-tokens that tokens never cross. Default "gpt2". */
  readonly pattern?: PatternName;
  /** Called about every 50 ms, and at the end. */
  readonly onProgress?: (progress: TrainBPEProgress) => void;
  /** Ends the training: the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** How far training a byte-pair tokenizer has come. */
export interface TrainBPEProgress {
  /** UTF-16 units of text learnt from so far, without special tokens. */
  readonly characters: number;
  /** Different pre-tokens found so far. */
  readonly words: number;
  /** Entries of the vocabulary so far. */
  readonly vocabSize: number;
}

/** Pre-tokens, or merges, between two looks at the clock. */
const stretch = 4096;
const byteCount = 256;

/**
 * Learns a byte-level BPE vocabulary (Sennrich et al. 2016): from the 256 bytes on, the most frequent pair of adjacent
 * tokens becomes a new token, again and again. Of equally frequent pairs the one with the lowest ids is taken, so that
 * the same text gives the same vocabulary. Texts are read one by one and may be too large for memory together; no
 * token crosses from one to the next.
 *
 * Throws `invalid-option`, and `no-text` where there is nothing to learn from.
 */
export async function trainBPE(
  texts: Iterable<string> | AsyncIterable<string>,
  options: TrainBPEOptions,
): Promise<BytePairTokenizer> {
  checkOptions(options);
  checkTexts(texts);
  const { vocabSize, specialTokens = [], pattern = "gpt2", onProgress, signal } = options;
  const splitter = new SpecialSplitter(specialTokens.map((token, index) => specialToken(token, index)));
  const yielder = new EventLoopYielder();
  const parts = new Utf8Parts();
  const words = new WordCounts(pattern);
  const merges = new MergeTable();
  let characters = 0;
  const report = (): void =>
    onProgress?.({ characters, words: words.size, vocabSize: byteCount + merges.size + specialTokens.length });
  const breathe = async (): Promise<void> => {
    if (await yielder.pause()) report();
    signal?.throwIfAborted();
  };

  const count = async (text: string): Promise<void> => {
    for (let read = 0; read < text.length;) {
      const end = parts.read(text, read, text.length);
      for (let at = 0; at < parts.length;) {
        at = words.add(parts.view, at, parts.length, stretch);
        await breathe();
      }
      characters += end - read;
      read = end;
    }
  };

  signal?.throwIfAborted();
  let textCount = 0;
  for await (const text of typeof texts === "string" ? [texts] : texts) {
    checkText(`texts[${textCount++}]`, text);
    for (const plain of splitter.push(text)) await count(plain);
    // Texts of special tokens alone take time too.
    await breathe();
  }
  for (const plain of splitter.flush()) await count(plain);
  if (words.size === 0) throw new TokenizerError("no-text", "the texts are empty; give text to learn from");

  const tokens: Uint8Array[] = Array.from({ length: byteCount }, (_, byte) => Uint8Array.of(byte));
  const pairs = new PairIndex(words);
  while (tokens.length + specialTokens.length < vocabSize) {
    const pair = pairs.next();
    if (!pair) break;
    const [left, right] = pair;
    pairs.merge(left, right, tokens.length);
    merges.add(left, right, tokens.length);
    tokens.push(concatenate(tokens[left], tokens[right]));
    await breathe();
  }
  report();
  const addedTokens = specialTokens.map((token, index) => specialToken(token, tokens.length + index));
  return new BytePairTokenizer({
    pattern,
    tokens: TokenBytes.from(tokens),
    merges,
    unmergeable: [],
    addedTokens,
    roles: rolesByName(addedTokens),
  });
}

function checkOptions(options: TrainBPEOptions): void {
  if (typeof options !== "object" || options === null) throw invalidOption("options", options, "{ vocabSize: … }");
  const { vocabSize, specialTokens = [], pattern = "gpt2", onProgress, signal } = options;
  if (!Array.isArray(specialTokens)) throw invalidOption("specialTokens", specialTokens, "an array of strings");
  const min = byteCount + specialTokens.length;
  if (!Number.isInteger(vocabSize) || vocabSize < min || vocabSize > maxVocabSize) {
    const specials = specialTokens.length > 0 ? ` and ${specialTokens.length} special tokens` : "";
    const expected = `a whole number from ${min}, for the 256 bytes${specials}, to ${maxVocabSize}`;
    throw invalidOption("vocabSize", vocabSize, expected);
  }
  checkPattern(pattern);
  const seen = new Set<unknown>();
  for (const [index, token] of (specialTokens as unknown[]).entries()) {
    const problem = problemOf(token, seen.has(token));
    seen.add(token);
    if (problem) throw new TokenizerError("invalid-option", `specialTokens[${index}], ${quote(token)}, is ${problem}`);
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw invalidOption("onProgress", onProgress, "a function");
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalidOption("signal", signal, "an AbortSignal");
}

function problemOf(token: unknown, isRepeated: boolean): string | undefined {
  if (typeof token !== "string") return "not a string";
  if (token === "") return "empty";
  if (wellFormed(token) !== token) return "not valid Unicode";
  return isRepeated ? "there twice" : undefined;
}
