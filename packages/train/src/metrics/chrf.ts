import { flag, optional, valueThat, wholeNumber } from "@gpt/tensor";
import { checkAll } from "../checks.ts";
import { checkTexts } from "./checks.ts";
import type { References } from "./checks.ts";
import { countCommon, countItems, ngrams, splitWords } from "./text.ts";

export interface ChrfOptions {
  /** The longest n-grams of characters. Default 6. */
  readonly charOrder?: number;
  /** The longest n-grams of words. Default 0; 2 makes it chrF++. */
  readonly wordOrder?: number;
  /** How much more recall counts than precision. Default 2. */
  readonly beta?: number;
  /** Whether upper and lower case are the same. Default false. */
  readonly lowercase?: boolean;
  /** Whether white space belongs to the characters. Default false. */
  readonly whitespace?: boolean;
  /**
   * Whether orders for which a text is too short count as 0, and the score is the mean over orders, as chrF++.py, NLTK and
   * Moses have it. Default false: such orders do not count.
   */
  readonly epsilonSmoothing?: boolean;
}

/** What predictions and references have of an order, and what they have in common. */
interface Counts {
  readonly predicted: number;
  readonly reference: number;
  readonly common: number;
}

/**
 * chrF of a corpus (Popović 2015), chrF++ with `wordOrder: 2` (Popović 2017), 0 to 1: sacrebleu 2.6, which prints 100 times as
 * much. Of several references, the one with the best score counts. The score of one sentence is that of a corpus of one.
 * Throws `invalid-option`.
 */
export function chrf(predictions: readonly string[], references: References, options: ChrfOptions = {}): number {
  const all = checkTexts(predictions, references);
  checkAll(options, {
    charOrder: optional(wholeNumber(1, 100)), wordOrder: optional(wholeNumber(0, 100)), beta: optional(betaExpected),
    lowercase: optional(flag), whitespace: optional(flag), epsilonSmoothing: optional(flag),
  });
  const stats = predictions.map((prediction, i) => {
    const ours = ngramCounts(prediction, options);
    const candidates = all[i].map((reference) => compare(ours, ngramCounts(reference, options)));
    // One score each; the first of the best.
    return candidates.map((counts) => ({ counts, score: scoreOf(counts, options) })).reduce((a, b) => (b.score > a.score ? b : a)).counts;
  });
  return scoreOf(stats.reduce((sums, one) => sums.map((sum, i) => addCounts(sum, one[i]))), options);
}

const betaExpected = valueThat("a number above 0", (value) => typeof value === "number" && value > 0 && value < Infinity);

/** How often a text has each n-gram, for each order of characters, then of words. */
function ngramCounts(text: string, options: ChrfOptions): Map<string, number>[] {
  const { charOrder = 6, wordOrder = 0, lowercase = false, whitespace = false } = options;
  const line = lowercase ? text.toLowerCase() : text;
  const characters = [...(whitespace ? line : splitWords(line).join(""))];
  const words = wordOrder > 0 ? splitWords(line).flatMap(separatePunctuation) : [];
  return [
    ...Array.from({ length: charOrder }, (_, i) => countItems(ngrams(characters, i + 1, ""))),
    ...Array.from({ length: wordOrder }, (_, i) => countItems(ngrams(words, i + 1, " "))),
  ];
}

/** One mark at the end of a word, or else at its beginning, is a word. */
function separatePunctuation(word: string): string[] {
  const characters = [...word];
  if (characters.length === 1) return [word];
  if (isPunctuation(word.at(-1)!)) return [word.slice(0, -1), word.slice(-1)];
  return isPunctuation(word[0]) ? [word[0], word.slice(1)] : [word];
}

function isPunctuation(character: string): boolean {
  return /[!-/:-@[-`{-~]/.test(character);
}

function compare(ours: readonly Map<string, number>[], theirs: readonly Map<string, number>[]): Counts[] {
  return ours.map((predicted, i) => ({
    predicted: theirs[i].size > 0 ? sum(predicted) : 0,
    reference: sum(theirs[i]),
    common: countCommon(predicted, theirs[i]),
  }));
}

function addCounts(a: Counts, b: Counts): Counts {
  return { predicted: a.predicted + b.predicted, reference: a.reference + b.reference, common: a.common + b.common };
}

function scoreOf(orders: readonly Counts[], { beta = 2, epsilonSmoothing = false }: ChrfOptions): number {
  const weigh = (precision: number, recall: number, none: number): number => {
    const whole = beta ** 2 * precision + recall;
    return whole > 0 ? ((1 + beta ** 2) * precision * recall) / whole : none;
  };
  const shares = orders.map(({ predicted, reference, common }) => ({
    precision: predicted > 0 ? common / predicted : epsilon,
    recall: reference > 0 ? common / reference : epsilon,
    counts: predicted > 0 && reference > 0,
  }));
  if (epsilonSmoothing) {
    return shares.reduce((total, { precision, recall }) => total + weigh(precision, recall, epsilon), 0) / orders.length;
  }
  const counting = shares.filter(({ counts }) => counts);
  if (counting.length === 0) return 0;
  const meanOf = (of: (one: (typeof shares)[number]) => number): number =>
    counting.reduce((total, one) => total + of(one), 0) / counting.length;
  return weigh(meanOf(({ precision }) => precision), meanOf(({ recall }) => recall), 0);
}

const epsilon = 1e-16;

function sum(counts: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
