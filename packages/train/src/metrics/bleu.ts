import { flag, nonNegative, optional, valueThat, wholeNumber } from "@gpt/tensor";
import { checkAll } from "../checks.ts";
import { bleuTokenizers } from "./bleu-tokenizers.ts";
import type { BleuTokenizer } from "./bleu-tokenizers.ts";
import { checkTexts } from "./checks.ts";
import type { References } from "./checks.ts";
import { countCommon, countItems, ngrams, trimEnd } from "./text.ts";

export interface BleuOptions {
  /** Default "13a". */
  readonly tokenizer?: BleuTokenizer;
  /**
   * What stands for a precision of 0 (Chen and Cherry 2014): "exp" halves it for each order without a match, "floor" counts
   * `smoothingValue` matches, "add-k" adds `smoothingValue` to matches and totals of orders from 2, "none" leaves it.
   * Default "exp".
   */
  readonly smoothing?: "exp" | "floor" | "add-k" | "none";
  /** Default 0.1 for "floor", 1 for "add-k". */
  readonly smoothingValue?: number;
  /** Whether upper and lower case are the same. Default false. */
  readonly lowercase?: boolean;
  /** The longest n-grams. Default 4. */
  readonly maxOrder?: number;
  /**
   * Whether orders for which predictions are too short do not count. Default false; for the score of a single sentence, true
   * is what sacrebleu's `sentence_bleu` has.
   */
  readonly effectiveOrder?: boolean;
}

export interface BleuScore {
  /** 0 to 1. */
  readonly score: number;
  /** Of each order, the share of n-grams that a reference has, smoothed; 0 to 1. */
  readonly precisions: readonly number[];
  /** What short predictions cost; 0 to 1. */
  readonly brevityPenalty: number;
  /** n-grams of each order that a reference has, and all. */
  readonly matches: readonly number[];
  readonly totals: readonly number[];
  /** Words of the predictions, and of the references that are closest in length. */
  readonly length: number;
  readonly referenceLength: number;
}

const smoothings = { "exp": 0, "floor": 0.1, "add-k": 1, "none": 0 };

/**
 * BLEU of a corpus (Papineni et al. 2002), 0 to 1: sacrebleu 2.6, which prints 100 times as much. The score of one sentence
 * is that of a corpus of one, with `effectiveOrder`. Throws `invalid-option`.
 */
export function bleu(predictions: readonly string[], references: References, options: BleuOptions = {}): BleuScore {
  const all = checkTexts(predictions, references);
  checkAll(options, {
    tokenizer: optional(nameOf(bleuTokenizers)), smoothing: optional(nameOf(smoothings)), smoothingValue: optional(nonNegative),
    lowercase: optional(flag), maxOrder: optional(wholeNumber(1, 100)), effectiveOrder: optional(flag),
  });
  const { tokenizer = "13a", lowercase = false, maxOrder = 4 } = options;
  const tokenize = (text: string): string[] => bleuTokenizers[tokenizer](trimEnd(lowercase ? text.toLowerCase() : text));
  const matches = new Array<number>(maxOrder).fill(0);
  const totals = new Array<number>(maxOrder).fill(0);
  let [length, referenceLength] = [0, 0];
  predictions.forEach((prediction, i) => {
    const words = tokenize(prediction);
    const references = all[i].map(tokenize);
    length += words.length;
    referenceLength += closest(words.length, references.map((reference) => reference.length));
    for (let n = 1; n <= maxOrder; n++) {
      matches[n - 1] += countCommon(countItems(ngrams(words, n, " ")), mostOf(references, n));
      totals[n - 1] += Math.max(0, words.length - n + 1);
    }
  });
  const brevityPenalty = length >= referenceLength ? 1 : length === 0 ? 0 : Math.exp(1 - referenceLength / length);
  const { precisions, score } = smoothed(matches, totals, options);
  return { score: brevityPenalty * score, precisions, brevityPenalty, matches, totals, length, referenceLength };
}

/** How often the reference that has the most of an n-gram has it. */
function mostOf(references: readonly (readonly string[])[], n: number): Map<string, number> {
  const most = new Map<string, number>();
  for (const words of references) {
    for (const [ngram, count] of countItems(ngrams(words, n, " "))) most.set(ngram, Math.max(count, most.get(ngram) ?? 0));
  }
  return most;
}

/** The length that is closest; of two, the shorter. */
function closest(length: number, lengths: readonly number[]): number {
  return lengths.reduce((best, one) => {
    const [far, farBest] = [Math.abs(one - length), Math.abs(best - length)];
    return far < farBest || (far === farBest && one < best) ? one : best;
  });
}

/** The precisions, and their geometric mean. */
function smoothed(
  matches: readonly number[], totals: readonly number[], { smoothing = "exp", smoothingValue, effectiveOrder = false }: BleuOptions,
): { readonly precisions: number[]; readonly score: number } {
  const precisions = matches.map(() => 0);
  if (matches.every((count) => count === 0)) return { precisions, score: 0 };
  const value = smoothingValue ?? smoothings[smoothing];
  let orders = matches.length;
  let halved = 1;
  for (const [i, counted] of matches.entries()) {
    const added = smoothing === "add-k" && i > 0 ? value : 0;
    const [match, total] = [counted + added, totals[i] + added];
    if (total === 0) break;
    if (effectiveOrder) orders = i + 1;
    if (match > 0) precisions[i] = match / total;
    else if (smoothing === "exp") precisions[i] = 1 / ((halved *= 2) * total);
    else if (smoothing === "floor") precisions[i] = value / total;
  }
  const logarithms = precisions.slice(0, orders).map(Math.log);
  return { precisions, score: Math.exp(logarithms.reduce((sum, one) => sum + one, 0) / orders) };
}

function nameOf(table: object): ReturnType<typeof valueThat> {
  const names = Object.keys(table);
  return valueThat(`one of ${names.map((name) => `"${name}"`).join(", ")}`, (value) => names.includes(value as string));
}
