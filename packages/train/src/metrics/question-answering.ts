import { meanOfBest } from "./checks.ts";
import type { References } from "./checks.ts";
import { countCommon, countItems, scoresOf, splitWords } from "./text.ts";

/**
 * The share of predictions that equal one of their references once both are normalised (`normalizeAnswer`), 0 to 1: as
 * SQuAD's `evaluate-v1.1.py`, which prints 100 times as much. Throws `invalid-option`.
 */
export function exactMatch(predictions: readonly string[], references: References): number {
  return meanOfBest(predictions, references, (prediction, reference) =>
    normalizeAnswer(prediction) === normalizeAnswer(reference) ? 1 : 0);
}

/**
 * The mean F1 of the words that predictions share with their references, normalised, 0 to 1; of several references the
 * best. As SQuAD's `evaluate-v1.1.py`, which prints 100 times as much: answers without a word have 0, even where they are
 * equal. Throws `invalid-option`.
 */
export function tokenF1(predictions: readonly string[], references: References): number {
  return meanOfBest(predictions, references, (prediction, reference) => {
    const [predicted, expected] = [prediction, reference].map((text) => splitWords(normalizeAnswer(text)));
    return scoresOf(countCommon(countItems(predicted), countItems(expected)), predicted.length, expected.length).f1;
  });
}

/** An answer as SQuAD's script compares it: lower case, without ASCII's punctuation and articles, words joined by one space. */
export function normalizeAnswer(text: string): string {
  const plain = text.toLowerCase().replace(/[!-/:-@[-`{-~]/g, "");
  // Boundaries of words as in Python, where letters of any script are in words.
  return splitWords(plain.replace(/(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu, " ")).join(" ");
}
