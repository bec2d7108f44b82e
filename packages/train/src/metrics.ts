export { bleu } from "./metrics/bleu.ts";
export type { BleuOptions, BleuScore } from "./metrics/bleu.ts";
export type { BleuTokenizer } from "./metrics/bleu-tokenizers.ts";
export { classProbabilities, expectedCalibrationError, fitTemperature } from "./metrics/calibration.ts";
export type { ScoreRows } from "./metrics/calibration.ts";
export type { References } from "./metrics/checks.ts";
export { chrf } from "./metrics/chrf.ts";
export type { ChrfOptions } from "./metrics/chrf.ts";
export { accuracy, binaryScores, classificationReport, confusionMatrix } from "./metrics/classification.ts";
export type {
  ClassesOptions, ClassificationReport, ClassLabel, ClassScores, ConfusionMatrix,
} from "./metrics/classification.ts";
export { bitsPerByte, perplexity } from "./metrics/likelihood.ts";
export { exactMatch, normalizeAnswer, tokenF1 } from "./metrics/question-answering.ts";
export { porterStem } from "./metrics/porter-stemmer.ts";
export { rouge } from "./metrics/rouge.ts";
export type { RougeOptions, RougeScores } from "./metrics/rouge.ts";
export type { PrecisionRecallF1 } from "./metrics/text.ts";
