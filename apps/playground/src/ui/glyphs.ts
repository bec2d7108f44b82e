/** A part of what bytes look like: text; white space or what is invisible, by a sign for it; a byte of a character that is cut. */
export interface Glyph {
  readonly kind: "text" | "sign" | "byte";
  readonly shown: string;
}

const signs: Readonly<Record<string, string>> = { " ": "·", "\n": "↵", "\t": "⇥", "\r": "␍", "\u00a0": "⍽", "\u3000": "□", "\u007f": "␡" };
const invisible = /^[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]$/u;
/** What shapes the character before it: in a token that has that one, it is shown as it is meant. */
const joiner = /^(?:\p{Join_Control}|\p{Variation_Selector}|[\u{e0020}-\u{e007f}])$/u;
const mark = /^\p{M}$/u;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What is seen of a token's bytes, whatever they are. */
export function glyphsOf(bytes: Uint8Array): Glyph[] {
  const glyphs: { kind: Glyph["kind"]; shown: string }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const character = characterAt(bytes, at);
    const last = glyphs.at(-1);
    if (character === undefined) {
      glyphs.push({ kind: "byte", shown: hex(bytes[at++]) });
      continue;
    }
    at += encodedLength(character);
    const followsText = last?.kind === "text";
    const sign = followsText && joiner.test(character) ? undefined : signOf(character);
    if (sign !== undefined) glyphs.push({ kind: "sign", shown: sign });
    else if (followsText) last.shown += character;
    // A mark alone sits on a circle.
    else glyphs.push({ kind: "text", shown: mark.test(character) ? `◌${character}` : character });
  }
  return glyphs;
}

function signOf(character: string): string | undefined {
  const code = character.codePointAt(0)!;
  if (Object.hasOwn(signs, character)) return signs[character];
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  return invisible.test(character) || joiner.test(character) ? `U+${code.toString(16).toUpperCase().padStart(4, "0")}` : undefined;
}

/** The character whose bytes are all there; none where they are not. */
function characterAt(bytes: Uint8Array, at: number): string | undefined {
  const lead = bytes[at];
  const length = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (length === 0 || at + length > bytes.length) return undefined;
  try {
    return decoder.decode(bytes.subarray(at, at + length));
  } catch {
    return undefined;
  }
}

function encodedLength(character: string): number {
  const code = character.codePointAt(0)!;
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

export function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, hex).join(" ");
}

/** The same on one line, for labels. */
export function plain(bytes: Uint8Array): string {
  return glyphsOf(bytes).map(({ shown }) => shown).join("");
}
