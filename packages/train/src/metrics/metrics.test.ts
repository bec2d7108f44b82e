import fc from "fast-check";
import { expect, test } from "vitest";
import {
  accuracy, binaryScores, bitsPerByte, bleu, chrf, classificationReport, classProbabilities, confusionMatrix, exactMatch,
  expectedCalibrationError, fitTemperature, normalizeAnswer, perplexity, rouge, tokenF1,
} from "../metrics.ts";

const sentence = fc.string({ unit: fc.constantFrom(..."ab the. '\n1É😀".split("")), maxLength: 40 });
const corpus = fc.array(fc.tuple(sentence, fc.array(sentence, { minLength: 1, maxLength: 3 })), { minLength: 1, maxLength: 4 });

/** Every metric of texts, as numbers. */
function textScores(predictions: readonly string[], references: readonly (string | readonly string[])[]): number[] {
  const { rouge1, rouge2, rougeL, rougeLsum } = rouge(predictions, references, { stemmer: true });
  return [
    bleu(predictions, references, { effectiveOrder: true }).score, chrf(predictions, references),
    chrf(predictions, references, { wordOrder: 2, epsilonSmoothing: true }), exactMatch(predictions, references),
    tokenF1(predictions, references), rouge1.f1, rouge2.f1, rougeL.f1, rougeLsum.f1,
  ];
}

test("any texts score from 0 to 1, a further reference lowers no score but BLEU's, and one may be given without a list", () => {
  fc.assert(fc.property(corpus, sentence, (samples, extra) => {
    const [predictions, references] = [samples.map(([prediction]) => prediction), samples.map(([, texts]) => texts)];
    const scores = textScores(predictions, references);
    for (const score of scores) expect(score).toSatisfy((value: number) => value >= 0 && value <= 1 + 1e-12);
    // BLEU and chrF are of the corpus: the best reference of a sentence need not be the best for the whole.
    const more = textScores(predictions, references.map((texts) => [...texts, extra]));
    for (let i = 3; i < scores.length; i++) expect(more[i]).toBeGreaterThanOrEqual(scores[i] - 1e-12);
    expect(textScores(predictions, references.map((texts) => texts[0])))
      .toEqual(textScores(predictions, references.map((texts) => [texts[0]])));
  }), { numRuns: 200 });
});

test("texts that equal their reference have the largest score", () => {
  const letters = fc.stringMatching(/^[b-z]{6,9}( [b-z]{1,9}){4,8}$/);
  fc.assert(fc.property(fc.array(letters, { minLength: 1, maxLength: 3 }), letters, (texts, other) => {
    const ones = textScores(texts, texts.map((text) => [other, text]));
    for (const score of ones) expect(score).toBeCloseTo(1, 12);
    expect(bleu(texts, texts).score).toBeCloseTo(1, 12);
  }), { numRuns: 100 });
});

test("answers are normalised as SQuAD's script does it", () => {
  expect(normalizeAnswer(" The  U.S.A.'s an-the\tÀ, a “quote” ")).toBe("usas anthe à “quote”");
  expect(exactMatch(["the cat!", "dog"], [["A dog", "Cat"], "cat"])).toBe(0.5);
  expect(tokenF1(["a big red dog"], [["cat", "the red dog"]])).toBeCloseTo(0.8, 12);
  // No word is left: equal, but without anything in common.
  expect([exactMatch(["the"], ["a"]), tokenF1(["the"], ["a"])]).toEqual([1, 0]);
});

test("a prediction may be long, with runs of spaces, and takes time in proportion", () => {
  const long = `word${" ".repeat(200_000)}end`;
  expect(textScores([long], [long])[5]).toBe(1);
});

test("classes that do not occur count in the macro mean, where they are named", () => {
  const predictions = Int32Array.of(0, 0, 1);
  const references = Int32Array.of(0, 1, 1);
  expect(accuracy(predictions, references)).toBeCloseTo(2 / 3, 12);
  expect(confusionMatrix(predictions, references)).toEqual({ labels: [0, 1], counts: [[1, 0], [1, 1]] });
  expect(classificationReport(predictions, references).macro.f1).toBeCloseTo(2 / 3, 12);
  expect(classificationReport(predictions, references, { labels: [0, 1, 2] }).macro.f1).toBeCloseTo(4 / 9, 12);
  expect(binaryScores(["ham", "ham"], ["ham", "spam"], "spam")).toEqual({ label: "spam", precision: 0, recall: 0, f1: 0, support: 1 });
});

test("temperatures keep to their range, whatever the scores are", () => {
  expect(fitTemperature([[2, 1], [5, 0]], [0, 0])).toBeCloseTo(1e-3, 6);
  expect(fitTemperature([[2, 1], [5, 0]], [1, 1])).toBeCloseTo(1e3, 3);
  expect(fitTemperature([[1e300, -1e300], [-1e300, 1e300], [1e300, -1e300]], [0, 1, 1])).toBeGreaterThan(0);
  expect(classProbabilities([[1e4, 0], [0, 0]], 1e-3)).toEqual([[1, 0], [0.5, 0.5]]);
});

test("a model that is as sure as it is right is calibrated", () => {
  const probabilities = [[0.75, 0.25], [0.75, 0.25], [0.75, 0.25], [0.75, 0.25]];
  expect(expectedCalibrationError(probabilities, [0, 0, 0, 1])).toBe(0);
  expect(expectedCalibrationError(probabilities, [0, 0, 0, 0])).toBe(0.25);
});

test("likelihoods", () => {
  expect(perplexity(Math.log(50))).toBeCloseTo(50, 10);
  // Two tokens of a byte each, of 256 equally likely ones, are 8 bits for each byte.
  expect(bitsPerByte({ loss: Math.log(256), tokens: 2, bytes: 2 })).toBeCloseTo(8, 12);
});

test.each<[() => unknown, string]>([
  [() => bleu([], []), "predictions must not be empty: there is nothing to measure"],
  [() => rouge(["a"], ["a", "b"]), "references must be as many as predictions, which are 1, not 2"],
  [() => rouge("a" as never, ["a"]), 'predictions must be a list, not "a"'],
  [() => chrf(["a", 3 as never], ["a", "b"]), "predictions[1] must be a text, not 3"],
  [() => exactMatch(["a"], [[]]), "references[0] must have a text at least, not none"],
  [() => bleu(["a"], [[3 as never]]), "references[0][0] must be a text, not 3"],
  [() => bleu(["a"], ["a"], { tokenizer: "14" as never }), 'tokenizer must be one of "13a", "intl", "char", "none", not "14"'],
  [() => bleu(["a"], ["a"], { maxOrder: 0 }), "maxOrder must be a whole number from 1 to 100, not 0"],
  [() => chrf(["a"], ["a"], { beta: NaN }), "beta must be a number above 0, not NaN"],
  [() => rouge(["a"], ["a"], { stemmer: 1 as never }), "stemmer must be true or false, not 1"],
  [() => accuracy([0], ["0"] as never), "predictions[0] is 0, a number, but references[0] is a string; name classes in one way"],
  [() => accuracy([NaN], [0]), "predictions[0] must be the name or the number of a class, not NaN"],
  [() => classificationReport([0, 3], [0, 0], { labels: [0, 1] }), "predictions[1] is 3, which is none of the 2 labels"],
  [() => confusionMatrix([0], [0], { labels: [0, 0] }), "labels must differ from one another"],
  [() => fitTemperature([[1, 2], [1]], [0, 0]), "scores[1] has 1 numbers, but scores[0] has 2; give one for each class"],
  [() => fitTemperature([[1, Infinity]], [0]), "scores[0][1] must be a finite number, not Infinity"],
  [() => fitTemperature([[1, 2]], [2]), "classes[0] must be a whole number from 0 to 1, not 2"],
  [() => expectedCalibrationError([[2, -1]], [0]), "probabilities[0][0] must be a number from 0 to 1, not 2"],
  [() => classProbabilities([[1]], 0), "temperature must be a number above 0, not 0"],
  [() => bitsPerByte({ loss: 1, tokens: 1, bytes: 0 }), "bytes must be a whole number from 1, not 0"],
])("refuses what makes no score: %s", (call, message) => {
  expect(call).toThrow(expect.objectContaining({ code: "invalid-option", message }));
});
