import { classAt, letter, mark, newline, number, other, skip, widthAt } from "../unicode/classes.ts";
import { anyCaseContractionEnd, linesEnd, numberEnd } from "./common.ts";

/**
 * `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
 */
export function cl100k(utf8: DataView, start: number, end: number): number {
  return preTokenEnd(utf8, start, end, 3);
}

/** The same with `\p{N}` in place of `\p{N}{1,3}`. */
export function qwen2(utf8: DataView, start: number, end: number): number {
  return preTokenEnd(utf8, start, end, 1);
}

function preTokenEnd(utf8: DataView, start: number, end: number, mostDigits: number): number {
  const kind = classAt(utf8, start);
  if ((kind & letter) !== 0) return skip(utf8, start, end, letter);
  const contraction = anyCaseContractionEnd(utf8, start, end);
  if (contraction > start) return contraction;
  if (kind === number) return numberEnd(utf8, start, end, mostDigits);
  const next = start + widthAt(utf8, start);
  if (kind !== newline) {
    const word = skip(utf8, next, end, letter);
    if (word > next) return word;
  }
  const first = utf8.getUint8(start) === 0x20 ? next : start;
  const symbols = skip(utf8, first, end, other | mark);
  if (symbols > first) return skip(utf8, symbols, end, newline);
  return linesEnd(utf8, start, end);
}
