import {
  classAt,
  letter,
  lower,
  mark,
  newline,
  number,
  other,
  otherLetter,
  skip,
  upper,
  widthAt,
} from "../unicode/classes.ts";
import { anyCaseContractionEnd, linesEnd, numberEnd } from "./common.ts";

/** `[\p{Lm}\p{Lo}\p{M}]`: what may stand among capitals and among small letters. */
const caseless = otherLetter | mark;
const slash = 0x2f;

/**
 * `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
 * [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
 * \p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
 */
export function o200k(utf8: DataView, start: number, end: number): number {
  const kind = classAt(utf8, start);
  if (kind === number) return numberEnd(utf8, start, end);
  const next = start + widthAt(utf8, start);
  // Both of the first two alternatives try with a leading character first, and the first one also without it before
  // the second is tried; a letter cannot lead, a mark may lead or be part of the word.
  if ((kind & (letter | newline)) === 0) {
    const word = smallWordEnd(utf8, next, end);
    if (word > next) return anyCaseContractionEnd(utf8, word, end);
  }
  if ((kind & (letter | mark)) !== 0) {
    const word = smallWordEnd(utf8, start, end);
    if (word > start) return anyCaseContractionEnd(utf8, word, end);
  }
  const first = (kind & letter) !== 0 || kind === newline ? start : next;
  const capitals = skip(utf8, first, end, upper | caseless);
  if (capitals > first) return anyCaseContractionEnd(utf8, capitals, end);
  const symbolStart = utf8.getUint8(start) === 0x20 ? next : start;
  const symbols = skip(utf8, symbolStart, end, other | mark);
  if (symbols > symbolStart) return lineEndings(utf8, symbols, end);
  return linesEnd(utf8, start, end);
}

/**
 * `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`: the end of a match at `start`, or `start`. The first
 * part takes all it can. Where no small letter follows, it gives back up to the last caseless character, which is then
 * the whole second part.
 */
function smallWordEnd(utf8: DataView, start: number, end: number): number {
  for (let at = start, caselessEnd = start; ; ) {
    if (at < end && classAt(utf8, at) === lower) return skip(utf8, at, end, lower | caseless);
    const capitals = skip(utf8, at, end, upper);
    const stop = skip(utf8, capitals, end, caseless);
    if (stop === at) return caselessEnd;
    if (stop > capitals) caselessEnd = stop;
    at = stop;
  }
}

/** `[\r\n/]*` */
function lineEndings(utf8: DataView, start: number, end: number): number {
  let at = start;
  while (at < end && (classAt(utf8, at) === newline || utf8.getUint8(at) === slash)) at++;
  return at;
}
