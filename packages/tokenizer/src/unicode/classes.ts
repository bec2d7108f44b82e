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
  return table;
}

/** Classes by the first byte of a character, 0 where it takes more than one. */
const firstByteClasses = /* @__PURE__ */ Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x80 ? classes[byte] : 0,
);

/** The class of the character at a position of UTF-8. It must be valid, and there are bytes to spare behind it. */
export function classAt(utf8: DataView, at: number): number {
  return firstByteClasses[utf8.getUint8(at)] || classes[characterAt(utf8, at)];
}

/** Bytes of the character at a position. */
export function widthAt(utf8: DataView, at: number): number {
  const first = utf8.getUint8(at);
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

/** The end of the run of characters whose class is in the mask. */
export function skip(utf8: DataView, at: number, end: number, mask: number): number {
  if ((mask & lower) !== 0) at = skipLetters(utf8, at, end, (mask & upper) !== 0 ? 0x20202020 : 0);
  while (at < end) {
    const known = firstByteClasses[utf8.getUint8(at)];
    if (known !== 0) {
      if ((known & mask) === 0) break;
      at++;
    } else {
      if ((classes[characterAt(utf8, at)] & mask) === 0) break;
      at += widthAt(utf8, at);
    }
  }
  return at;
}

/**
 * The end of the run of small letters of ASCII, of which four are looked at together; of capitals too, where each byte
 * of `fold` has the bit that tells them apart. Three bytes behind `end` are read, whatever they are.
 */
function skipLetters(utf8: DataView, at: number, end: number, fold: number): number {
  for (; at < end; at += 4) {
    const word = utf8.getInt32(at, true);
    const small = (word & 0x7f7f7f7f) | fold;
    // The upper bit of a byte is set in the first sum from "a" on, in the second one behind "z".
    const others = ~((small + 0x1f1f1f1f) & ~(small + 0x05050505) & ~word) & 0x80808080;
    if (others !== 0) return Math.min(end, at + ((31 - Math.clz32(others & -others)) >> 3));
  }
  return end;
}

/** The code point of a character of more than one byte. */
function characterAt(utf8: DataView, at: number): number {
  const first = utf8.getUint8(at);
  const second = utf8.getUint8(at + 1) & 0x3f;
  if (first < 0xe0) return ((first & 0x1f) << 6) | second;
  const third = utf8.getUint8(at + 2) & 0x3f;
  if (first < 0xf0) return ((first & 0x0f) << 12) | (second << 6) | third;
  return ((first & 0x07) << 18) | (second << 12) | (third << 6) | (utf8.getUint8(at + 3) & 0x3f);
}
