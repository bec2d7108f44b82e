import { classAt, number, skip, whiteSpace, widthAt } from "../unicode/classes.ts";

const apostrophe = 0x27;

/** `'s|'t|'re|'ve|'m|'ll|'d`: the end of a contraction at `at`, or `at` where there is none. */
export function contractionEnd(text: string, at: number, end: number): number {
  if (at + 1 >= end || text.charCodeAt(at) !== apostrophe) return at;
  switch (text[at + 1]) {
    case "s":
    case "t":
    case "m":
    case "d":
      return at + 2;
    case "r":
    case "v":
      return at + 2 < end && text[at + 2] === "e" ? at + 3 : at;
    case "l":
      return at + 2 < end && text[at + 2] === "l" ? at + 3 : at;
    default:
      return at;
  }
}

/** `(?i:'s|'t|'re|'ve|'m|'ll|'d)`, in which ſ (U+017F) is an s too, by Unicode's simple case folding. */
export function anyCaseContractionEnd(text: string, at: number, end: number): number {
  if (at + 1 >= end || text.charCodeAt(at) !== apostrophe) return at;
  if (text[at + 1] === "\u017F") return at + 2;
  const following = text.slice(at, Math.min(at + 3, end)).toLowerCase();
  return at + contractionEnd(following, 0, following.length);
}

/** `\s+(?!\S)|\s+`: white space, without its last character where that leads the next pre-token. */
export function whiteSpaceEnd(text: string, start: number, end: number): number {
  // All white space lies in the basic plane, so that a character is one unit.
  const stop = skip(text, start, end, whiteSpace);
  return stop < end && stop - start > 1 ? stop - 1 : stop;
}

/** `\s*[\r\n]+|\s+(?!\S)|\s+`: white space up to its last newline, else as in `whiteSpaceEnd`. */
export function linesEnd(text: string, start: number, end: number): number {
  const stop = skip(text, start, end, whiteSpace);
  for (let at = stop; at > start; at--) {
    const unit = text.charCodeAt(at - 1);
    if (unit === 0x0a || unit === 0x0d) return at;
  }
  return stop < end && stop - start > 1 ? stop - 1 : stop;
}

/** `\p{N}{1,3}`, where the first character is known to be a number. */
export function numberEnd(text: string, start: number, end: number): number {
  let at = start + widthAt(text, start);
  for (let count = 1; count < 3 && at < end && classAt(text, at) === number; count++) at += widthAt(text, at);
  return at;
}
