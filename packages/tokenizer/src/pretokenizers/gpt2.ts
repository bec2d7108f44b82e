import { classAt, letter, mark, number, other, skip, whiteSpace } from "../unicode/classes.ts";
import { contractionEnd, whiteSpaceEnd } from "./common.ts";

/** `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`: GPT-2, r50k and p50k. */
export function gpt2(text: string, start: number, end: number): number {
  const contraction = contractionEnd(text, start, end);
  if (contraction > start) return contraction;
  const first = text.charCodeAt(start) === 0x20 && start + 1 < end ? start + 1 : start;
  const kind = classAt(text, first);
  if ((kind & letter) !== 0) return skip(text, first, end, letter);
  if (kind === number) return skip(text, first, end, number);
  if ((kind & whiteSpace) === 0) return skip(text, first, end, other | mark);
  return whiteSpaceEnd(text, start, end);
}
