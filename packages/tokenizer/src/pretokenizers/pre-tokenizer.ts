/**
 * Splits text into pre-tokens, which tokens never cross: gives the end of the one that begins at `start`. Text from
 * `end` on is not seen. Positions count UTF-16 units, `start < end`, and the result is in (start, end].
 *
 * Each is a regular expression, written out by hand: it looks at a character a bounded number of times, where a
 * backtracking engine may take quadratic time.
 */
export type PreTokenizer = (text: string, start: number, end: number) => number;
