import { classRuns } from "../generated/unicode.ts";

/**
 * What the split patterns ask of a character, one bit each, so that sets of classes are masks. The table is made from
 * the answers of the regular expressions that tiktoken uses: JavaScript's differ (`\s`) and know other versions of
 * Unicode.
 */
export const upper = 1; // \p{Lu}, \p{Lt}
export const lower = 2; // \p{Ll}
export const otherLetter = 4; // \p{Lm}, \p{Lo}
export const mark = 8; // \p{M}
export const number = 16; // \p{N}
export const space = 32; // \s without the newlines below
export const newline = 64; // \r, \n
export const other = 128;

export const letter = upper | lower | otherLetter;
export const whiteSpace = space | newline;

const classes = /* @__PURE__ */ expand();

function expand(): Uint8Array {
  const table = new Uint8Array(0x110000);
  let at = 0;
  // A length in base 36, then a letter for the class: A for 1, B for 2, C for 4, ….
  for (const [, length, name] of classRuns.matchAll(/([0-9a-z]+)([A-H])/g)) {
    const start = at;
    at += parseInt(length, 36);
    table.fill(1 << (name.charCodeAt(0) - 0x41), start, at);
  }
  // Halves of pairs have no class of their own: see `classAt`.
  return table.fill(0, 0xd800, 0xe000);
}

/** The class of the character at a position; half of a surrogate pair counts as U+FFFD does. */
export function classAt(text: string, at: number): number {
  return classes[text.charCodeAt(at)] || pairClass(text, at);
}

/** UTF-16 units of the character at a position. */
export function widthAt(text: string, at: number): number {
  return classes[text.charCodeAt(at)] === 0 && text.codePointAt(at)! > 0xffff ? 2 : 1;
}

/** The end of the run of characters whose class is in the mask. */
export function skip(text: string, at: number, end: number, mask: number): number {
  while (at < end) {
    const known = classes[text.charCodeAt(at)];
    if (known !== 0) {
      if ((known & mask) === 0) break;
      at++;
    } else {
      if ((pairClass(text, at) & mask) === 0) break;
      at += widthAt(text, at);
    }
  }
  return at;
}

function pairClass(text: string, at: number): number {
  const character = text.codePointAt(at)!;
  return character > 0xffff ? classes[character] : other;
}
