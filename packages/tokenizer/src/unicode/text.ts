/** The text with U+FFFD in place of each half of a surrogate pair, as encoders of UTF-8 read it. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** A character as messages show it, with its code point. */
export function showCharacter(character: string): string {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return `${JSON.stringify(character)} (U+${code})`;
}

