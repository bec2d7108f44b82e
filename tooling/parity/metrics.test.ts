import { expect, test } from "vitest";
import {
  accuracy, binaryScores, bleu, chrf, classificationReport, classProbabilities, confusionMatrix, exactMatch,
  expectedCalibrationError, fitTemperature, porterStem, rouge, tokenF1,
} from "@gpt/train/metrics";
import type { BleuOptions, BleuScore, ChrfOptions, RougeScores } from "@gpt/train/metrics";
import { readJson } from "./fixtures.ts";

interface TextCase {
  readonly predictions: string[];
  readonly references: string[][];
  readonly bleu: { readonly options: BleuOptions } & Omit<BleuScore, "matches" | "totals">;
  readonly chrf: { readonly options: ChrfOptions; readonly score: number };
  readonly rouge: { readonly stemmer: boolean; readonly scores: RougeScores };
  readonly exactMatch: number;
  readonly tokenF1: number;
}

interface ClassScoresFixture<T> {
  readonly precision: T;
  readonly recall: T;
  readonly f1: T;
  readonly support: T | null;
}

interface ClassificationCase {
  readonly predictions: string[];
  readonly references: string[];
  readonly labels: string[] | null;
  readonly accuracy: number;
  readonly confusion: number[][];
  readonly classes: ClassScoresFixture<number[]>;
  readonly macro: ClassScoresFixture<number>;
  readonly micro: ClassScoresFixture<number>;
  readonly weighted: ClassScoresFixture<number>;
}

interface CalibrationCase {
  readonly scores: number[][];
  readonly classes: number[];
  readonly temperature: number;
  readonly expectedCalibrationError: number;
}

const fixture = readJson<{
  readonly texts: TextCase[];
  readonly stems: Record<string, string>;
  readonly classification: ClassificationCase[];
  readonly calibration: CalibrationCase[];
}>("metrics.json");

/** Equal but for the order in which sums are rounded. */
function expectClose(ours: number, theirs: number): void {
  expect(Math.abs(ours - theirs)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(theirs)));
}

const kinds = ["precision", "recall", "f1"] as const;

test("texts score as with sacrebleu, rouge-score and SQuAD's script", () => {
  for (const { predictions, references, ...theirs } of fixture.texts) {
    const { score, precisions, ...exact } = bleu(predictions, references, theirs.bleu.options);
    expectClose(score, theirs.bleu.score);
    precisions.forEach((precision, i) => expectClose(precision, theirs.bleu.precisions[i]));
    expectClose(exact.brevityPenalty, theirs.bleu.brevityPenalty);
    expect([exact.length, exact.referenceLength]).toEqual([theirs.bleu.length, theirs.bleu.referenceLength]);
    expectClose(chrf(predictions, references, theirs.chrf.options), theirs.chrf.score);
    const ours = rouge(predictions, references, { stemmer: theirs.rouge.stemmer });
    for (const name of ["rouge1", "rouge2", "rougeL", "rougeLsum"] as const) {
      for (const kind of kinds) expectClose(ours[name][kind], theirs.rouge.scores[name][kind]);
    }
    expectClose(exactMatch(predictions, references), theirs.exactMatch);
    expectClose(tokenF1(predictions, references), theirs.tokenF1);
  }
});

test("words have the stems of NLTK", () => {
  for (const [word, stem] of Object.entries(fixture.stems)) expect(`${word} ${porterStem(word)}`).toBe(`${word} ${stem}`);
});

test("classes score as with scikit-learn", () => {
  for (const { predictions, references, labels, ...theirs } of fixture.classification) {
    const ours = classificationReport(predictions, references, labels ? { labels } : {});
    expectClose(ours.accuracy, theirs.accuracy);
    expectClose(accuracy(predictions, references), theirs.accuracy);
    expect(ours.confusion).toEqual(confusionMatrix(predictions, references, labels ? { labels } : {}));
    expect(ours.confusion.counts).toEqual(theirs.confusion);
    expect(ours.classes.map(({ support }) => support)).toEqual(theirs.classes.support);
    for (const kind of kinds) {
      for (const [i, scores] of ours.classes.entries()) {
        expectClose(scores[kind], theirs.classes[kind][i]);
        expectClose(binaryScores(predictions, references, scores.label)[kind], theirs.classes[kind][i]);
      }
      for (const average of ["macro", "micro", "weighted"] as const) expectClose(ours[average][kind], theirs[average][kind]);
    }
  }
});

test("temperatures have the smallest log loss, and calibration errors are NumPy's", () => {
  for (const { scores, classes, ...theirs } of fixture.calibration) {
    // SciPy compares losses, whose last digits bound what it can tell of the temperature.
    expect(Math.abs(fitTemperature(scores, classes) / theirs.temperature - 1)).toBeLessThan(1e-6);
    expectClose(expectedCalibrationError(classProbabilities(scores), classes), theirs.expectedCalibrationError);
  }
});
