import { glyphsOf } from "../../ui/glyphs.ts";
import type { Glyph } from "../../ui/glyphs.ts";

/** What is seen of a token in a text, where spaces need no sign. */
export function readableGlyphs(bytes: Uint8Array): Glyph[] {
  return glyphsOf(bytes).map((glyph) => (glyph.kind === "sign" && glyph.shown === "·" ? { kind: "text", shown: " " } : glyph));
}

/** The same of several, on one line. */
export function readable(tokens: readonly { readonly bytes: Uint8Array }[]): string {
  return tokens.flatMap(({ bytes }) => readableGlyphs(bytes)).map(({ shown }) => shown).join("");
}
