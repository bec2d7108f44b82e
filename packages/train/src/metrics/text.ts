/** What Python calls white space (`str.isspace`); JavaScript's `\s` has U+FEFF besides, and lacks U+001C to U+001F and U+0085. */
const space = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const spaces = new RegExp(`[${space}]+`);
const trailing = new RegExp(`[${space}]+$`);

/** The words of a text between white space, as `str.split` gives them. */
export function splitWords(text: string): string[] {
  return text.split(spaces).filter((word) => word !== "");
}

/** A text without white space at its end, as `str.rstrip` gives it. */
export function trimEnd(text: string): string {
  // From the end: the expression alone takes quadratic time on long runs of spaces within the text.
  let end = text.length;
  while (end > 0 && trailing.test(text[end - 1])) end--;
  return text.slice(0, end);
}

/** How often each item appears. */
export function countItems(items: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** How many items two lists have in common, each as often as in the one that has fewer of it. */
export function countCommon(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let common = 0;
  for (const [item, count] of a) common += Math.min(count, b.get(item) ?? 0);
  return common;
}

/** The runs of `n` items, joined by `separator`, which no item contains. */
export function* ngrams(items: readonly string[], n: number, separator: string): Generator<string> {
  for (let i = 0; i + n <= items.length; i++) yield items.slice(i, i + n).join(separator);
}

export interface PrecisionRecallF1 {
  /** The share of what was predicted that is right. */
  readonly precision: number;
  /** The share of what is right that was predicted. */
  readonly recall: number;
  /** Their harmonic mean. */
  readonly f1: number;
}

/** The scores of `common` items among those predicted and those of the reference; 0 where there are none. */
export function scoresOf(common: number, predicted: number, reference: number): PrecisionRecallF1 {
  const precision = predicted === 0 ? 0 : common / predicted;
  const recall = reference === 0 ? 0 : common / reference;
  // Rounded as in the reference implementations, for which of two references is better may hang on the last bit.
  return { precision, recall, f1: common === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}
