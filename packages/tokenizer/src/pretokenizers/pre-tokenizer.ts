/**
 * Splits UTF-8 into pre-tokens, which tokens never cross: gives the end of the one that begins at `start`. Both
 * are at the borders of characters, `start < end`, and the result is in (start, end]. Bytes from `end` on mean nothing,
 * but at least three may be read.
 *
 * Each is a regular expression, written out by hand: it looks at a character a bounded number of times, where a
 * backtracking engine may take quadratic time.
 */
export type PreTokenizer = (utf8: DataView, start: number, end: number) => number;
