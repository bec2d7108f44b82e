import { classAt, letter, mark, number, other, skip, whiteSpace } from "../unicode/classes.ts";
import { contractionEnd, whiteSpaceEnd } from "./common.ts";

/** `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`: GPT-2, r50k and p50k. */
export function gpt2(utf8: DataView, start: number, end: number): number {
  const first = start + (utf8.getUint8(start) === 0x20 ? 1 : 0);
  const word = skip(utf8, first, end, letter);
  if (word > first) return word;
  const contraction = contractionEnd(utf8, start, end);
  if (contraction > start) return contraction;
  if (first === end) return end;
  const kind = classAt(utf8, first);
  if (kind === number) return skip(utf8, first, end, number);
  if ((kind & whiteSpace) === 0) return skip(utf8, first, end, other | mark);
  return whiteSpaceEnd(utf8, start, end);
}
