import { glyphsOf, plain } from "./glyphs.ts";
import type { Glyph } from "./glyphs.ts";

/** What is seen of a token in a text, where spaces need no sign. */
export function readableGlyphs(bytes: Uint8Array): Glyph[] {
  return glyphsOf(bytes).map((glyph) => (glyph.kind === "sign" && glyph.shown === "·" ? { kind: "text", shown: " " } : glyph));
}

/** The same of several, on one line. */
export function readable(tokens: readonly { readonly bytes: Uint8Array }[]): string {
  return tokens.flatMap(({ bytes }) => readableGlyphs(bytes)).map(({ shown }) => shown).join("");
}

/** A token where there is little room: without the space before it, unless it is all that there is. */
export function shortName(bytes: Uint8Array): string {
  return readable([{ bytes }]).trim() || plain(bytes);
}
