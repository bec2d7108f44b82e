import { optional, quote, valueThat } from "@gpt/tensor";
import { check, invalidOption } from "../checks.ts";
import { checkPairs, mean } from "./checks.ts";
import { scoresOf } from "./text.ts";
import type { PrecisionRecallF1 } from "./text.ts";

/** A class, by name or number. */
export type ClassLabel = string | number;

export interface ClassScores<Label extends ClassLabel> extends PrecisionRecallF1 {
  readonly label: Label;
  /** Samples of this class. */
  readonly support: number;
}

/** How often samples of a class were taken for which. */
export interface ConfusionMatrix<Label extends ClassLabel> {
  /** The classes, in the order of rows and columns. */
  readonly labels: readonly Label[];
  /** `counts[i][j]`: samples of class `labels[i]` that were predicted to be `labels[j]`. */
  readonly counts: readonly (readonly number[])[];
}

export interface ClassificationReport<Label extends ClassLabel> {
  readonly accuracy: number;
  readonly classes: readonly ClassScores<Label>[];
  /** The mean over classes, each with the same weight. */
  readonly macro: PrecisionRecallF1;
  /** Over all samples together: where each sample has one class, this is the accuracy. */
  readonly micro: PrecisionRecallF1;
  /** The mean over classes, each with the weight of its samples. */
  readonly weighted: PrecisionRecallF1;
  readonly confusion: ConfusionMatrix<Label>;
}

export interface ClassesOptions<Label extends ClassLabel> {
  /**
   * All classes, in the order of the result. Default: those that occur in predictions or references, sorted. A class that
   * occurs nowhere has scores of 0, which count in `macro`.
   */
  readonly labels?: readonly Label[];
}

/**
 * The share of predictions that are right, 0 to 1: scikit-learn's `accuracy_score`. Throws `invalid-option`, as all of these
 * do, for lists that are empty or of different lengths, and for what is no label.
 */
export function accuracy<Label extends ClassLabel>(predictions: ArrayLike<Label>, references: ArrayLike<Label>): number {
  checkLabels(predictions, references);
  let right = 0;
  for (let i = 0; i < predictions.length; i++) right += predictions[i] === references[i] ? 1 : 0;
  return right / predictions.length;
}

/** Which classes are taken for which: scikit-learn's `confusion_matrix`. */
export function confusionMatrix<Label extends ClassLabel>(
  predictions: ArrayLike<Label>, references: ArrayLike<Label>, options?: ClassesOptions<Label>,
): ConfusionMatrix<Label> {
  checkLabels(predictions, references);
  const labels = options?.labels ?? occurring(predictions, references);
  check("labels", labels, optional(labelList));
  const rows = new Map(labels.map((label, i) => [label, i]));
  if (rows.size !== labels.length) throw invalidOption("labels must differ from one another");
  const row = (name: string, list: ArrayLike<Label>, i: number): number => {
    const found = rows.get(list[i]);
    if (found === undefined) throw invalidOption(`${name}[${i}] is ${quote(list[i])}, which is none of the ${labels.length} labels`);
    return found;
  };
  const counts = labels.map(() => labels.map(() => 0));
  for (let i = 0; i < predictions.length; i++) {
    counts[row("references", references, i)][row("predictions", predictions, i)]++;
  }
  return { labels, counts };
}

/**
 * Accuracy, and precision, recall and F1 of each class and of all, 0 to 1: scikit-learn's `classification_report`
 * (`zero_division=0`).
 */
export function classificationReport<Label extends ClassLabel>(
  predictions: ArrayLike<Label>, references: ArrayLike<Label>, options?: ClassesOptions<Label>,
): ClassificationReport<Label> {
  const confusion = confusionMatrix(predictions, references, options);
  const { labels, counts } = confusion;
  const total = predictions.length;
  const classes = labels.map((label, i) => {
    const support = sum(counts[i]);
    return { label, ...scoresOf(counts[i][i], sum(counts.map((row) => row[i])), support), support };
  });
  const right = sum(counts.map((row, i) => row[i]));
  return {
    accuracy: right / total,
    classes,
    macro: average((of) => mean(classes.map(of))),
    micro: scoresOf(right, total, total),
    weighted: average((of) => sum(classes.map((one) => of(one) * one.support)) / total),
    confusion,
  };
}

/**
 * The scores of one class against all others, 0 to 1: scikit-learn's `precision_recall_fscore_support` with
 * `average="binary"`, `pos_label=positive`.
 */
export function binaryScores<Label extends ClassLabel>(
  predictions: ArrayLike<Label>, references: ArrayLike<Label>, positive: Label,
): ClassScores<Label> {
  checkLabels(predictions, references);
  check("positive", positive, labelExpected);
  let [right, predicted, support] = [0, 0, 0];
  for (let i = 0; i < predictions.length; i++) {
    const found = predictions[i] === positive;
    const is = references[i] === positive;
    if (found) predicted++;
    if (is) support++;
    if (found && is) right++;
  }
  return { label: positive, ...scoresOf(right, predicted, support), support };
}

const labelExpected = valueThat("the name or the number of a class", isLabel);
const labelList = valueThat(
  "a list of the names of classes, or of their numbers", (value) => Array.isArray(value) && value.length > 0 && value.every(isLabel),
);
const listExpected = valueThat(
  "a list of the names or numbers of classes",
  (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView)),
);

function isLabel(value: unknown): boolean {
  return typeof value === "string" || (typeof value === "number" && !Number.isNaN(value));
}

function checkLabels(predictions: ArrayLike<ClassLabel>, references: ArrayLike<ClassLabel>): void {
  check("predictions", predictions, listExpected);
  check("references", references, listExpected);
  checkPairs(["predictions", "references"], predictions, references);
  const kind = typeof references[0];
  for (const [name, list] of [["predictions", predictions], ["references", references]] as const) {
    for (let i = 0; i < list.length; i++) {
      check(`${name}[${i}]`, list[i], labelExpected);
      if (typeof list[i] !== kind) {
        throw invalidOption(`${name}[${i}] is ${quote(list[i])}, a ${typeof list[i]}, but references[0] is a ${kind}; name classes in one way`);
      }
    }
  }
}

function occurring<Label extends ClassLabel>(...lists: ArrayLike<Label>[]): Label[] {
  const labels = new Set<Label>();
  for (const list of lists) for (let i = 0; i < list.length; i++) labels.add(list[i]);
  return [...labels].sort((a, b) => (a < b ? -1 : 1));
}

function average(over: (of: (one: PrecisionRecallF1) => number) => number): PrecisionRecallF1 {
  return { precision: over((one) => one.precision), recall: over((one) => one.recall), f1: over((one) => one.f1) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
