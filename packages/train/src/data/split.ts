import { belowOne, listOf, seed as seedExpected, text } from "@gpt/tensor";
import { checkAll, check, invalidOption } from "../checks.ts";
import { TrainError } from "../errors.ts";
import { permutation } from "./order.ts";
import { streams } from "./random.ts";

/** How records are divided into those to train on and those to validate with. */
export interface SplitOptions {
  /** The share of the records that is kept for validation, above 0 and below 1. Default 0.1. */
  readonly validation?: number;
  /** Default 1. */
  readonly seed?: number;
  /**
   * What becomes of records with the same text: "together" keeps all of them, on one side; "once" takes the first of them alone.
   * Default "together".
   */
  readonly duplicates?: "together" | "once";
}

/** The numbers of the records of each side, from 0, rising. */
export interface RecordSplit {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
}

/**
 * Divides records at random into those to train on and those to validate on: always the same for the same seed. `texts` has
 * the text of each record; no text is on both sides. Validation has the given share of the records, rounded, or, where texts
 * appear many times, a little less. Throws `invalid-option`, and `data-too-short` where there are too few texts for two sides.
 */
export function splitRecords(texts: readonly string[], options: SplitOptions = {}): RecordSplit {
  const { validation: share = 0.1, seed = 1, duplicates = "together" } = options;
  check("texts", texts, listOf(text));
  checkAll({ ...options, validation: share, seed, duplicates }, { validation: belowOne, seed: seedExpected });
  if (share === 0) throw invalidOption("validation must be above 0");
  if (duplicates !== "together" && duplicates !== "once") throw invalidOption('duplicates must be "together" or "once"');
  const groups = groupByText(texts).map((group) => (duplicates === "once" ? group.slice(0, 1) : group));
  const total = groups.reduce((sum, group) => sum + group.length, 0);
  const wanted = Math.max(1, Math.round(total * share));
  const sides: { train: number[]; validation: number[] } = { train: [], validation: [] };
  for (const number of permutation(groups.length, seed, streams.split, 0)) {
    const group = groups[number];
    const side = sides.validation.length + group.length <= wanted ? sides.validation : sides.train;
    for (const record of group) side.push(record);
  }
  if (sides.train.length === 0 || sides.validation.length === 0) {
    throw new TrainError(
      "data-too-short",
      `${total} records of ${groups.length} different texts cannot be divided with ${wanted} of them for validation; ` +
        "give more data, another share, or none for validation",
    );
  }
  return { train: Uint32Array.from(sides.train).sort(), validation: Uint32Array.from(sides.validation).sort() };
}

/** The records of each text, in the order of their first. */
function groupByText(texts: readonly string[]): number[][] {
  const groups = new Map<string, number[]>();
  texts.forEach((text, i) => {
    const group = groups.get(text);
    if (group) group.push(i);
    else groups.set(text, [i]);
  });
  return [...groups.values()];
}
