const longestQuote = 100;
const longestName = 300;

/** Control and format characters (the marks of bidirectional text among them), line breaks, halves of pairs. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/u;

/**
 * A value as messages show it: as JSON, with what does not print escaped, and "…" where it is cut. All that comes from
 * files or callers goes into messages through this function.
 */
export function quote(value: unknown): string {
  return typeof value === "string" ? `"${cut(value, longestQuote, escapeInString)}"` : cut(described(value));
}

/** Words of others, such as those of JSON.parse, as messages pass them on. */
export function passOn(words: string): string {
  return cut(words, longestQuote);
}

/** The name of a file or folder; of a long one the end. */
export function showName(name: string): string {
  const characters = [...name.slice(-2 * longestName)];
  const shown = name.length > longestName ? `…${characters.slice(1 - longestName).join("")}` : name;
  return cut(shown, 6 * longestName);
}

/** A text of which everything prints, and no more than `limit` UTF-16 units of it. */
export function cut(text: string, limit: number = longestQuote, show: (character: string) => string = escaped): string {
  let shown = "";
  for (const character of text) {
    const next = show(character);
    if (shown.length + next.length > limit) return `${shown}…`;
    shown += next;
  }
  return shown;
}

function escapeInString(character: string): string {
  return escaped(JSON.stringify(character).slice(1, -1));
}

function escaped(character: string): string {
  if (!unprintable.test(character)) return character;
  return character.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function described(value: unknown): string {
  switch (typeof value) {
    case "object":
      try {
        return JSON.stringify(value);
      } catch {
        return "an object";
      }
    case "function":
      return "a function";
    case "symbol":
      return "a symbol";
    default:
      return String(value);
  }
}
