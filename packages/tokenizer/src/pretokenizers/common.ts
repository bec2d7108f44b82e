import { classAt, number, skip, whiteSpace, widthAt } from "../unicode/classes.ts";

const apostrophe = 0x27;
/** What a small letter of ASCII has beyond the capital. */
const smallBit = 0x20;

/** `'s|'t|'re|'ve|'m|'ll|'d`: the end of a contraction at `at`, or `at` where there is none. */
export function contractionEnd(utf8: DataView, at: number, end: number): number {
  return utf8.getUint8(at) === apostrophe ? suffixEnd(utf8, at, end, 0) : at;
}

/** `(?i:'s|'t|'re|'ve|'m|'ll|'d)`, in which ſ (U+017F) is an s too, by Unicode's simple case folding. */
export function anyCaseContractionEnd(utf8: DataView, at: number, end: number): number {
  return utf8.getUint8(at) === apostrophe ? suffixEnd(utf8, at, end, smallBit) : at;
}

/** The end of a contraction of which the apostrophe is known; `fold` is added to its letters. */
function suffixEnd(utf8: DataView, at: number, end: number, fold: number): number {
  const left = end - at;
  if (left < 2) return at;
  const second = left > 2 ? utf8.getUint8(at + 2) | fold : 0;
  switch (utf8.getUint8(at + 1) | fold) {
    case 0x73: // s
    case 0x74: // t
    case 0x6d: // m
    case 0x64: // d
      return at + 2;
    case 0x72: // r
    case 0x76: // v
      return second === 0x65 ? at + 3 : at;
    case 0x6c: // l
      return second === 0x6c ? at + 3 : at;
    case 0xc5 | smallBit: // the first byte of ſ
      return fold !== 0 && utf8.getUint8(at + 1) === 0xc5 && utf8.getUint8(at + 2) === 0xbf ? at + 3 : at;
    default:
      return at;
  }
}

/** `\s+(?!\S)|\s+`: white space, without its last character where that leads the next pre-token. */
export function whiteSpaceEnd(utf8: DataView, start: number, end: number): number {
  return spared(utf8, start, skip(utf8, start, end, whiteSpace), end);
}

/** `\s*[\r\n]+|\s+(?!\S)|\s+`: white space up to its last newline, else as in `whiteSpaceEnd`. */
export function linesEnd(utf8: DataView, start: number, end: number): number {
  const stop = skip(utf8, start, end, whiteSpace);
  for (let at = stop; at > start; at--) {
    const byte = utf8.getUint8(at - 1);
    if (byte === 0x0a || byte === 0x0d) return at;
  }
  return spared(utf8, start, stop, end);
}

/** The end of white space that leaves its last character to what follows it, where there is more than one. */
function spared(utf8: DataView, start: number, stop: number, end: number): number {
  if (stop === end) return stop;
  let last = stop - 1;
  while ((utf8.getUint8(last) & 0xc0) === 0x80) last--;
  return last > start ? last : stop;
}

/** The end of `\p{N}{1,max}`, where the first character is known to be a number. */
export function numberEnd(utf8: DataView, start: number, end: number, max = 3): number {
  let at = start + widthAt(utf8, start);
  for (let count = 1; count < max && at < end && classAt(utf8, at) === number; count++) at += widthAt(utf8, at);
  return at;
}
