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
export function o200k(text: string, start: number, end: number): number {
  const kind = classAt(text, start);
  if (kind === number) return numberEnd(text, start, end);
  const next = start + widthAt(text, start);
  // Both of the first two alternatives try with a leading character first, and the first one also without it before
  // the second is tried; a letter cannot lead, a mark may lead or be part of the word.
  if ((kind & (letter | newline)) === 0) {
    const word = smallWordEnd(text, next, end);
    if (word > next) return anyCaseContractionEnd(text, word, end);
  }
  if ((kind & (letter | mark)) !== 0) {
    const word = smallWordEnd(text, start, end);
    if (word > start) return anyCaseContractionEnd(text, word, end);
  }
  const first = (kind & letter) !== 0 || kind === newline ? start : next;
  const capitals = skip(text, first, end, upper | caseless);
  if (capitals > first) return anyCaseContractionEnd(text, capitals, end);
  const symbolStart = text.charCodeAt(start) === 0x20 ? next : start;
  const symbols = skip(text, symbolStart, end, other | mark);
  if (symbols > symbolStart) return lineEndings(text, symbols, end);
  return linesEnd(text, start, end);
}

/**
 * `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`: the end of a match at `start`, or `start`. The first
 * part takes all it can. Where no small letter follows, it gives back up to the last caseless character, which is then
 * the whole second part.
 */
function smallWordEnd(text: string, start: number, end: number): number {
  let caselessEnd = start;
  let at = start;
  for (;;) {
    at = skip(text, at, end, upper);
    const stop = skip(text, at, end, caseless);
    if (stop === at) break;
    at = caselessEnd = stop;
  }
  if (at < end && classAt(text, at) === lower) return skip(text, at, end, lower | caseless);
  return caselessEnd;
}

/** `[\r\n/]*` */
function lineEndings(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && (classAt(text, at) === newline || text.charCodeAt(at) === slash)) at++;
  return at;
}
