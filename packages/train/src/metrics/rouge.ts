import { flag } from "@gpt/tensor";
import { check } from "../checks.ts";
import { checkTexts, mean } from "./checks.ts";
import type { References } from "./checks.ts";
import { porterStem } from "./porter-stemmer.ts";
import { countCommon, countItems, ngrams, scoresOf } from "./text.ts";
import type { PrecisionRecallF1 } from "./text.ts";

export interface RougeOptions {
  /** Whether words of more than three characters are compared by their stems (Porter). Default false. */
  readonly stemmer?: boolean;
}

export interface RougeScores {
  /** Words in common. */
  readonly rouge1: PrecisionRecallF1;
  /** Pairs of words in common. */
  readonly rouge2: PrecisionRecallF1;
  /** The longest common subsequence of words. */
  readonly rougeL: PrecisionRecallF1;
  /** The same by sentences, which are lines: the union of their common subsequences. */
  readonly rougeLsum: PrecisionRecallF1;
}

/**
 * How much of the references the predictions have, each 0 to 1: Google's rouge-score 0.1.2 (Lin 2004, "ROUGE: a Package for
 * Automatic Evaluation of Summaries"), means over all predictions. Words are runs of a–z and 0–9 in lower case. Of several
 * references, the one with the best F1 counts, for each score alone. Throws `invalid-option`.
 */
export function rouge(
  predictions: readonly string[], references: References, { stemmer = false }: RougeOptions = {},
): RougeScores {
  const all = checkTexts(predictions, references);
  check("stemmer", stemmer, flag);
  const stems = new Map<string, string>();
  const tokenize = (text: string): string[] => {
    const words = text.toLowerCase().match(/[a-z0-9]+/g) ?? [];
    return stemmer ? words.map((word) => (word.length > 3 ? memo(stems, word, porterStem) : word)) : words;
  };
  const read = (text: string): Summary => ({
    words: tokenize(text),
    sentences: text.split("\n").filter((line) => line !== "").map(tokenize),
  });
  const samples = predictions.map((prediction, i) => ({ prediction: read(prediction), references: all[i].map(read) }));
  const meanOf = (score: (prediction: Summary, reference: Summary) => PrecisionRecallF1): PrecisionRecallF1 => {
    const best = samples.map(({ prediction, references }) =>
      references.map((reference) => score(prediction, reference)).reduce((a, b) => (b.f1 > a.f1 ? b : a)));
    return {
      precision: mean(best.map(({ precision }) => precision)),
      recall: mean(best.map(({ recall }) => recall)),
      f1: mean(best.map(({ f1 }) => f1)),
    };
  };
  return {
    rouge1: meanOf((prediction, reference) => overlap(prediction.words, reference.words, 1)),
    rouge2: meanOf((prediction, reference) => overlap(prediction.words, reference.words, 2)),
    rougeL: meanOf((prediction, reference) => longest(prediction.words, reference.words)),
    rougeLsum: meanOf((prediction, reference) => union(prediction.sentences, reference.sentences)),
  };
}

interface Summary {
  readonly words: readonly string[];
  readonly sentences: readonly (readonly string[])[];
}

function overlap(prediction: readonly string[], reference: readonly string[], n: number): PrecisionRecallF1 {
  const [ours, theirs] = [prediction, reference].map((words) => countItems(ngrams(words, n, " ")));
  const size = (words: readonly string[]): number => Math.max(0, words.length - n + 1);
  return scoresOf(countCommon(ours, theirs), size(prediction), size(reference));
}

function longest(prediction: readonly string[], reference: readonly string[]): PrecisionRecallF1 {
  return scoresOf(commonSubsequence(reference, prediction).length, prediction.length, reference.length);
}

/** ROUGE-L of summaries. No word counts more often than either side has it, as in ROUGE 1.5.5. */
function union(
  predictions: readonly (readonly string[])[], references: readonly (readonly string[])[],
): PrecisionRecallF1 {
  const [ours, theirs] = [predictions, references].map((sentences) => countItems(sentences.flat()));
  let hits = 0;
  for (const reference of references) {
    const places = new Set(predictions.flatMap((prediction) => commonSubsequence(reference, prediction)));
    // In which order they are looked at does not matter: the left of each word are the same in the end.
    for (const place of places) {
      const word = reference[place];
      const left = Math.min(ours.get(word) ?? 0, theirs.get(word) ?? 0);
      if (left === 0) continue;
      hits++;
      ours.set(word, ours.get(word)! - 1);
      theirs.set(word, theirs.get(word)! - 1);
    }
  }
  const size = (sentences: readonly (readonly string[])[]): number => sentences.reduce((sum, { length }) => sum + length, 0);
  return scoresOf(hits, size(predictions), size(references));
}

/**
 * The places in `reference` of one longest common subsequence: of several, the one that rouge-score finds from the end. A
 * bit for each pair of words says from which neighbour its length comes.
 */
function commonSubsequence(reference: readonly string[], prediction: readonly string[]): number[] {
  const columns = prediction.length;
  const fromLeft = new Uint32Array(Math.ceil((reference.length * columns) / 32));
  let above = new Uint32Array(columns + 1);
  let lengths = new Uint32Array(columns + 1);
  reference.forEach((word, i) => {
    for (let j = 0; j < columns; j++) {
      if (word === prediction[j]) {
        lengths[j + 1] = above[j] + 1;
        continue;
      }
      const left = lengths[j] > above[j + 1];
      lengths[j + 1] = left ? lengths[j] : above[j + 1];
      const bit = i * columns + j;
      if (left) fromLeft[Math.floor(bit / 32)] |= 1 << bit % 32;
    }
    [above, lengths] = [lengths, above];
  });
  const places: number[] = [];
  for (let i = reference.length - 1, j = columns - 1; i >= 0 && j >= 0;) {
    const bit = i * columns + j;
    if (reference[i] === prediction[j]) {
      places.push(i--);
      j--;
    } else if ((fromLeft[Math.floor(bit / 32)] >>> bit % 32) & 1) {
      j--;
    } else {
      i--;
    }
  }
  return places;
}

function memo(known: Map<string, string>, key: string, make: (key: string) => string): string {
  let value = known.get(key);
  if (value === undefined) known.set(key, (value = make(key)));
  return value;
}
