/** The text with U+FFFD in place of each half of a surrogate pair, as encoders of UTF-8 read it. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** A character as messages show it, with its code point. */
export function showCharacter(character: string): string {
  const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
  return `${JSON.stringify(character)} (U+${code})`;
}

/** Writes a part of a text as UTF-8, with U+FFFD for halves of surrogate pairs, and gives the number of bytes. */
export function encodeUtf8(text: string, start: number, end: number, bytes: Uint8Array): number {
  let length = 0;
  for (let at = start; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) {
      bytes[length++] = unit;
    } else if (unit < 0x800) {
      bytes[length++] = 0xc0 | (unit >> 6);
      bytes[length++] = 0x80 | (unit & 0x3f);
    } else {
      let character = unit;
      if ((unit & 0xf800) === 0xd800) {
        character = text.codePointAt(at)!;
        if (character <= 0xffff) character = 0xfffd;
      }
      if (character > 0xffff) {
        at++;
        bytes[length++] = 0xf0 | (character >> 18);
        bytes[length++] = 0x80 | ((character >> 12) & 0x3f);
      } else {
        bytes[length++] = 0xe0 | (character >> 12);
      }
      bytes[length++] = 0x80 | ((character >> 6) & 0x3f);
      bytes[length++] = 0x80 | (character & 0x3f);
    }
  }
  return length;
}
