import { classAt, letter, mark, newline, number, other, skip, widthAt } from "../unicode/classes.ts";
import { anyCaseContractionEnd, linesEnd, numberEnd } from "./common.ts";

/**
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
 */
export function cl100k(text: string, start: number, end: number): number {
  const kind = classAt(text, start);
  if ((kind & letter) !== 0) return skip(text, start, end, letter);
  const contraction = anyCaseContractionEnd(text, start, end);
  if (contraction > start) return contraction;
  if (kind === number) return numberEnd(text, start, end);
  const next = start + widthAt(text, start);
  if (kind !== newline) {
    const word = skip(text, next, end, letter);
    if (word > next) return word;
  }
  const first = text.charCodeAt(start) === 0x20 ? next : start;
  const symbols = skip(text, first, end, other | mark);
  if (symbols > first) return skip(text, symbols, end, newline);
  return linesEnd(text, start, end);
}
