import { expect, test } from "vitest";
import { bleu } from "./bleu.ts";
import type { BleuOptions } from "./bleu.ts";
import { chrf } from "./chrf.ts";
import { rouge } from "./rouge.ts";

/** Cases of the tests of sacrebleu 2.6 (github.com/mjpost/sacrebleu, `test/`), whose numbers are from 0 to 100. */
const predictions = ["The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."];
const references = [
  ["The dog bit the man.", "The dog had bit the man."],
  ["It was not unexpected.", "No one was surprised."],
  ["The man bit him first.", "The man had bitten the dog."],
];

// test_bleu.py: test_corpus_bleu.
test.each<[BleuOptions, number]>([
  [{}, 48.530827], [{ tokenizer: "none" }, 49.1919566], [{ tokenizer: "13a" }, 48.530827], [{ tokenizer: "intl" }, 43.91623493],
  [{ smoothing: "none" }, 48.530827],
])("BLEU of sacrebleu's README, %o", (options, score) => {
  expect(100 * bleu(predictions, references, options).score).toBeCloseTo(score, 6);
  expect(bleu(["", "", ""], references, options).score).toBe(0);
});

// test_bleu.py: test_max_ngram_order.
test.each([[1, 77.65], [2, 60.5], [3, 53.93], [4, 48.53], [5, 46.14], [6, 43.28]])("BLEU up to order %d", (maxOrder, score) => {
  expect(100 * bleu(predictions, references, { maxOrder }).score).toBeCloseTo(score, 2);
});

// test_bleu.py: test_raw_bleu, test_effective_order, test_statistics, test_offset.
test("BLEU of texts as they are, of the orders that they have", () => {
  const raw = { tokenizer: "none", smoothing: "floor", smoothingValue: 0.01, effectiveOrder: true } as const;
  const score = (prediction: string, reference: string, options: BleuOptions = raw): number =>
    bleu([prediction], [reference], options).score;
  expect(score("this is a test", "this is a test")).toBeCloseTo(1, 8);
  expect(score("this is a fest", "this is a test")).toBeCloseTo(0.223606797749979, 8);
  expect(score("test", "a test")).toBeCloseTo(0.3678794411714425, 8);
  expect(score("a test", "a test")).toBeCloseTo(1, 8);
  expect(score("a little test", "a test")).toBeCloseTo(0.03218297948685433, 8);
  const sequence = ["am I am a character sequence", "I am a symbol string sequence a a"] as const;
  expect(bleu([sequence[0]], [sequence[1]], raw)).toMatchObject({ matches: [4, 2, 1, 0], totals: [6, 5, 4, 3] });
  expect(score(...sequence, { ...raw, smoothingValue: 0 })).toBe(0);
  expect(score(...sequence, { ...raw, smoothingValue: undefined })).toBeCloseTo(0.1555722182, 8);
});

// test_sentence_bleu.py.
test.each<[BleuOptions, number]>([
  [{ smoothing: "exp" }, 8.493], [{ smoothing: "none" }, 0], [{ smoothing: "floor" }, 4.51688],
  [{ smoothing: "floor", smoothingValue: 0.1 }, 4.51688], [{ smoothing: "floor", smoothingValue: 0.5 }, 10.1],
  [{ smoothing: "add-k" }, 14.882], [{ smoothing: "add-k", smoothingValue: 1 }, 14.882],
  [{ smoothing: "add-k", smoothingValue: 2 }, 21.389], [{ tokenizer: "none" }, 7.347], [{ tokenizer: "intl" }, 8.493],
  [{ tokenizer: "char" }, 40.8759], [{ tokenizer: "char", lowercase: true }, 42.0267],
])("BLEU of a sentence, %o", (options, score) => {
  const reference = "producţia de zahăr brut se exprimă în zahăr alb;";
  const prediction = "Producția de zahăr primă va fi exprimată în ceea ce privește zahărul alb;";
  expect(Math.abs(100 * bleu([prediction], [[reference]], { ...options, effectiveOrder: true }).score - score)).toBeLessThan(1e-3);
  expect(bleu(["this is a cat"], ["okay thanks"], { ...options, tokenizer: "13a" }).score).toBe(0);
});

// test_chrf.py.
test.each([
  [["abcdefg"], ["hijklmnop"], 0], [["a"], ["b"], 0], [[""], ["b"], 0], [[""], ["reference"], 0], [["aa"], ["ab"], 8.3333],
  [["a", "b"], ["a", "c"], 8.3333], [["a"], ["a"], 16.6667], [["a b c"], ["a b c"], 50], [["a b c"], ["abc"], 50],
  [[" Die    Beziehung zwischen  Obama und Netanjahu ist nicht gerade  freundlich. "],
    ["Das Verhältnis zwischen Obama und Netanyahu ist nicht gerade freundschaftlich."], 64.1302698],
  [["Niemand hat die Absicht, eine Mauer zu errichten"], ["Niemand hat die Absicht, eine Mauer zu errichten"], 100],
])("chrF with epsilon smoothing, %j and %j", (predictions, references, score) => {
  expect(100 * chrf(predictions, references, { beta: 3, epsilonSmoothing: true })).toBeCloseTo(score, 4);
});

test.each([
  [["a"], ["a"], 100], [[""], ["reference"], 0], [["a b c"], ["a b c"], 100], [["a b c"], ["abc"], 100], [[""], ["c"], 0],
  [["a", "b"], ["a", "c"], 50], [["aa"], ["ab"], 25],
])("chrF of the orders that texts have, %j and %j", (predictions, references, score) => {
  expect(100 * chrf(predictions, references, { beta: 3 })).toBeCloseTo(score, 4);
});

test("chrF of characters and white space, and of a sentence", () => {
  const german = ["Die Beziehung zwischen Obama und Netanjahu ist nicht gerade freundlich.",
    "Das Verhältnis zwischen Obama und Netanyahu ist nicht gerade freundschaftlich."];
  expect(100 * chrf([german[0]], [german[1]], { beta: 3, whitespace: true })).toBeCloseTo(67.3481606, 4);
  const czech = ["Lapali po dechu, jejich životy skončily dřív, než skutečně začaly.",
    "Lapali po dechu a pak jejich život skončil - dřív, než skutečně mohl začít, připomněli."];
  expect(100 * chrf([czech[0]], [[czech[1]]], { epsilonSmoothing: true })).toBeCloseTo(57.15704367, 4);
});

// Of rouge-score (github.com/google-research/google-research, `rouge/rouge_scorer_test.py`).
test("ROUGE of rouge-score's tests", () => {
  const score = (reference: string, prediction: string) => rouge([prediction], [reference]);
  expect(score("testing one two", "testing").rouge1).toEqual({ precision: 1, recall: 1 / 3, f1: 0.5 });
  expect(score("testing one two", "testing one").rouge2).toEqual({ precision: 1, recall: 0.5, f1: 2 / 3 });
  for (const prediction of ["testing one", "testing two"]) {
    const { precision, recall, f1 } = score("testing one two", prediction).rougeL;
    expect([precision, recall, f1].map((value) => value.toFixed(10))).toEqual([1, 2 / 3, 4 / 5].map((value) => value.toFixed(10)));
  }
  const { rougeLsum } = score("w1 w2 w3 w4 w5", "w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5");
  expect(rougeLsum).toMatchObject({ precision: 0.4, recall: 0.8 });
  expect(rougeLsum.f1).toBeCloseTo(0.5333, 4);
  const none = { precision: 0, recall: 0, f1: 0 };
  for (const [reference, prediction] of [["testing one two", ""], ["", "w1"], ["w1 w2 w3 w4 w5", "/"]]) {
    expect(score(reference, prediction)).toEqual({ rouge1: none, rouge2: none, rougeL: none, rougeLsum: none });
  }
});
