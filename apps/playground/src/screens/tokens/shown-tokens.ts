import type { Tokenization } from "../../engine/api/tokens.ts";
import { glyphsOf } from "../../ui/glyphs.ts";
import type { Glyph } from "../../ui/glyphs.ts";

export interface ShownToken {
  readonly index: number;
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly glyphs: readonly Glyph[];
  readonly isSpecial: boolean;
}

export function tokenAt({ ids, bytes, ends, special }: Tokenization, index: number): ShownToken {
  const part = bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]);
  return { index, id: ids[index], bytes: part, glyphs: glyphsOf(part), isSpecial: special[index] === 1 };
}

/** The first tokens. */
export function firstTokens(tokenization: Tokenization, limit: number): ShownToken[] {
  return Array.from({ length: Math.min(limit, tokenization.ids.length) }, (_, index) => tokenAt(tokenization, index));
}

/** Tokens among which the longest is looked for. */
const searched = 128;

/** The token of most bytes among the first, whose making there is most to see of; a short one that is drawn in full. */
export function longestToken({ ends, special }: Tokenization): number {
  const lengths = Array.from(ends.subarray(0, searched), (end, i) => (special[i] ? 0 : end - (i > 0 ? ends[i - 1] : 0)));
  const fitting = lengths.map((length) => (length > 16 ? 0 : length));
  return Math.max(0, fitting.indexOf(Math.max(...fitting)));
}
