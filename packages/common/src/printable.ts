/**
 * Characters that a terminal obeys, that end a line of a log, or that change how the rest of a line reads: controls
 * (escape sequences begin with one), line separators, controls of direction, and halves of surrogate pairs.
 */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/gu;

/** A text with what is not printable escaped as JSON escapes it: safe in a terminal, and one line. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const escaped = JSON.stringify(character).slice(1, -1);
    return escaped === character ? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}` : escaped;
  });
}

const longestQuote = 100;

/**
 * A value as messages show it, wherever it came from: a text in quotes, so that "1" is told from 1, escaped as in JSON,
 * and cut behind 100 characters; of lists, objects and functions only that they are such.
 */
export function quote(value: unknown): string {
  switch (typeof value) {
    case "string": {
      // Not within a character that takes two units.
      const cut = value.slice(0, longestQuote).replace(/[\uD800-\uDBFF]$/, "");
      return printable(JSON.stringify(value.length > longestQuote ? `${cut}…` : value));
    }
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? "a list" : "an object";
    case "function":
    case "symbol":
      return `a ${typeof value}`;
    default:
      return String(value);
  }
}

/** A message that is printable and of at most 2,000 characters, whatever it was made of; cut in the middle. */
export function printableMessage(text: string): string {
  // Cut before, so that a text of any length takes little time, and after, since escapes are longer than what they escape.
  return printable(cut(printable(cut(text))));
}

/** A cut may halve a character of two units: each half becomes an escape, of at most 8 more characters. */
function cut(text: string): string {
  return text.length > 1984 ? `${text.slice(0, 989)} … ${text.slice(-989)}` : text;
}
