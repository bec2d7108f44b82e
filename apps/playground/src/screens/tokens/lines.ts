import type { Tokenization } from "../../engine/api.ts";
import { glyphsOf } from "./glyphs.ts";
import type { Glyph } from "./glyphs.ts";

export interface ShownToken {
  readonly index: number;
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly glyphs: readonly Glyph[];
  readonly isSpecial: boolean;
}

/** Tokens up to one that ends a line. */
export interface Line {
  readonly direction: "ltr" | "rtl";
  readonly tokens: readonly ShownToken[];
}

export function tokenAt({ ids, bytes, ends, special }: Tokenization, index: number): ShownToken {
  const part = bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]);
  return { index, id: ids[index], bytes: part, glyphs: glyphsOf(part), isSpecial: special[index] === 1 };
}

/** The first tokens, line by line. */
export function linesOf(tokenization: Tokenization, limit: number): Line[] {
  const lines: Line[] = [];
  const count = Math.min(limit, tokenization.ids.length);
  for (let index = 0; index < count; ) {
    const tokens: ShownToken[] = [];
    do tokens.push(tokenAt(tokenization, index++));
    while (index < count && !tokens.at(-1)!.bytes.includes(lineFeed));
    lines.push({ direction: directionOf(tokens), tokens });
  }
  return lines;
}

const lineFeed = 10;
const decoder = new TextDecoder();
const rightToLeft = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** That of the first letter, as in a text without marks: a letter may be cut, so that bytes are joined first. */
function directionOf(tokens: readonly ShownToken[]): Line["direction"] {
  for (let first = 0; first < tokens.length; first += window) {
    const bytes = tokens.slice(first, first + window).flatMap((token) => [...token.bytes]);
    const letter = /\p{L}/u.exec(decoder.decode(Uint8Array.from(bytes)));
    if (letter) return rightToLeft.test(letter[0]) ? "rtl" : "ltr";
  }
  return "ltr";
}

/** Tokens that are joined at once; the first mostly have a letter. */
const window = 32;

/** The token of most bytes among the first, whose making there is most to see of; a short one that is drawn in full. */
export function longestToken({ ends, special }: Tokenization): number {
  const lengths = Array.from(ends.subarray(0, window * 4), (end, i) => (special[i] ? 0 : end - (i > 0 ? ends[i - 1] : 0)));
  const fitting = lengths.map((length) => (length > 16 ? 0 : length));
  return Math.max(0, fitting.indexOf(Math.max(...fitting)));
}
