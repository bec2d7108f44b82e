/** A piece is cut anywhere when it has grown to this many characters without a place that is safe. */
const longestPiece = 2 ** 24;

/**
 * Joins and cuts a text, which comes in parts, so that pieces can be tokenised alone: they end between a letter or
 * digit and white space, and no pre-tokeniser of the GPT family has a token across that. Text without any such place is
 * cut anyway, at `longest` characters, though never within one.
 */
export async function* tokenizablePieces(
  parts: AsyncIterable<string>,
  longest = longestPiece,
): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const part of parts) {
    const searched = rest.length;
    rest += part;
    const end = lastCut(rest, searched) || (rest.length >= longest ? lastCharacterEnd(rest) : 0);
    if (end > 0) yield rest.slice(0, end);
    rest = rest.slice(end);
  }
  if (rest !== "") yield rest;
}

/** The last position from `start` on between a letter or digit and white space; 0 where there is none. */
function lastCut(text: string, start: number): number {
  for (let i = text.length - 1; i >= Math.max(1, start); i--) {
    // ASCII's white space alone: on the rest, tokenizers written in different languages do not agree.
    if (/[\t\n\r ]/.test(text[i]) && /[\p{L}\p{N}]$/u.test(text.slice(Math.max(0, i - 2), i))) return i;
  }
  return 0;
}

/** The end of a text, or before it where the text ends with the first half of a surrogate pair. */
function lastCharacterEnd(text: string): number {
  return /[\uD800-\uDBFF]$/.test(text) ? text.length - 1 : text.length;
}
