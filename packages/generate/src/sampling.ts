import { cast, crossEntropy, max, ones, penalizeRepeats, philoxBlock, sample, stack, tensor, where } from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { notNumbers } from "./errors.ts";
import type { GenerationError } from "./errors.ts";
import type { GeneratedToken } from "./events.ts";
import { invalidScores, processScores } from "./processors.ts";
import type { ProcessedRow, RowState } from "./processors.ts";

/** How the next token is chosen from the model's scores. The filters apply in the order of this list. */
export interface SamplingOptions {
  /** Above 1, tokens that occurred already become less likely (Keskar et al. 2019, section 4.1). Default 1: off. */
  readonly repetitionPenalty?: number;
  /** Divides the scores: below 1 safer, above 1 wilder; 0 takes the best token always. Default 1. */
  readonly temperature?: number;
  /** Only the `k` best tokens; 0 is all. Default: all. */
  readonly topK?: number;
  /** Only the smallest set of best tokens with this much probability together (Holtzman et al. 2020). Default 1. */
  readonly topP?: number;
  /** Only tokens with at least this fraction of the best token's probability. Default 0. */
  readonly minP?: number;
}

/** A sequence whose next token is looked for, and how. */
export interface ScoredRow extends ProcessedRow {
  readonly sampling: Required<SamplingOptions>;
  /** 1 for each token that may be chosen, else 0, `[vocabSize]`; undefined where all may. Rows may share one. */
  readonly allowed: Tensor | undefined;
}

/** One whose next token is chosen. */
export interface Row extends ScoredRow {
  /** What its next token is drawn by: uniform in [0, 1), with 24 bits. */
  readonly random: number;
}

/** Tokens that were chosen on the device. */
export interface DeviceChoices {
  /**
   * What is to be read of each row, at once, `[rows, 2]` or `[rows, 3]`: the id as f32, exact below 2²⁴; `-logProbability`;
   * and the largest score, where something changed the scores.
   */
  readonly report: Tensor;
  /** What went wrong in some rows. */
  readonly failures: ReadonlyMap<RowState, unknown>;
}

/** What came of a row. */
export type Outcome = { readonly token: GeneratedToken } | { readonly error: unknown };

/** Chooses a token for each row of `logits`, `[rows, vocabSize]`, without reading anything back. */
export function chooseTokens(logits: Tensor, rows: readonly Row[]): DeviceChoices {
  const { backend, shape: [, vocabSize] } = logits;
  const known = withoutSuppressed(logits, rows);
  const { scores, failures } = processScores(withoutRepeats(known, rows), rows);
  const id = sample(scores, {
    uniforms: tensor(Float32Array.from(rows, ({ random }) => random), { backend }),
    temperature: rows.map(({ sampling }) => sampling.temperature),
    topK: rows.map(({ sampling }) => sampling.topK || vocabSize),
    topP: rows.map(({ sampling }) => sampling.topP),
    minP: rows.map(({ sampling }) => sampling.minP),
  });
  const loss = crossEntropy(known, id, { reduction: "none" });
  const largest = scores === known ? [] : [max(scores, { axis: -1 })];
  return { report: stack([cast(id, "f32"), loss, ...largest], -1), failures };
}

/** Waits for what was chosen: the only thing that is read for a step. */
export async function readChoices(choices: DeviceChoices | undefined, rows: readonly Row[]): Promise<Outcome[]> {
  if (!choices) return [];
  const { report, failures } = choices;
  try {
    const data = await report.data();
    const width = report.shape[1];
    return rows.map((row, i): Outcome => {
      const [id, loss, largest = 0] = data.subarray(i * width, (i + 1) * width);
      if (failures.has(row)) return { error: failures.get(row) };
      if (Number.isNaN(loss)) return { error: notNumbers() };
      if (!Number.isFinite(largest)) return { error: unusableScores(largest, row) };
      return { token: { id, logProbability: -loss } };
    });
  } finally {
    report.dispose();
  }
}

export function unusableScores(largest: number, { processors }: ScoredRow): GenerationError {
  const maker = processors.length > 0 ? "the score processors" : "the repetition penalty";
  return invalidScores(
    `the largest score that ${maker} left is ${largest}; leave at least one finite score, and none that is NaN or Infinity`,
  );
}

/**
 * Number `index` of the uniform numbers in [0, 1), 24 bits each, that belong to a seed: what a sequence draws depends on its
 * seed and on how many tokens it has drawn, on no other sequence.
 */
export function uniformAt(seed: number, index: number): number {
  const words = new Uint32Array(4);
  philoxBlock({ seed: [seed >>> 0, Math.floor(seed / 2 ** 32)], stream: [0, 0] }, index, words);
  return (words[0] >>> 8) * 2 ** -24;
}

/** Scores in which tokens that may not be chosen have −∞: as if the model did not have them. */
export function withoutSuppressed(logits: Tensor, rows: readonly ScoredRow[]): Tensor {
  const [first] = rows;
  const isShared = rows.every(({ allowed }) => allowed === first.allowed);
  if (isShared) return first.allowed ? where(first.allowed, logits, -Infinity) : logits;
  const all = ones([logits.shape[1]], { backend: logits.backend });
  return where(stack(rows.map(({ allowed }) => allowed ?? all), 0), logits, -Infinity);
}

/** Scores after the repetition penalty. */
export function withoutRepeats(scores: Tensor, rows: readonly ScoredRow[]): Tensor {
  const penalties = rows.map(({ sampling }) => sampling.repetitionPenalty);
  if (penalties.every((penalty) => penalty === 1)) return scores;
  const seen = rows.map(({ tokens }, i) => (penalties[i] === 1 ? [] : [...new Set(tokens)]));
  const width = Math.max(...seen.map(({ length }) => length));
  const ids = new Int32Array(rows.length * width).fill(-1);
  for (const [row, own] of seen.entries()) ids.set(own, row * width);
  return penalizeRepeats(scores, tensor(ids, { shape: [rows.length, width], backend: scores.backend }), penalties);
}
