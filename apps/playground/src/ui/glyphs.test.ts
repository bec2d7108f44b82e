import fc from "fast-check";
import { expect, it } from "vitest";
import { glyphsOf, hex, plain } from "./glyphs.ts";

const of = (text: string): string[] => glyphsOf(new TextEncoder().encode(text)).map(({ kind, shown }) => `${kind} ${shown}`);

it("makes white space and what is invisible visible", () => {
  expect(of(" a\tb\r\n")).toEqual(["sign ·", "text a", "sign ⇥", "text b", "sign ␍", "sign ↵"]);
  expect(of("\u00a0\u3000\u200b\ufeff\u0000\u202e")).toEqual(["sign ⍽", "sign □", "sign U+200B", "sign U+FEFF", "sign ␀", "sign U+202E"]);
});

it("shows what belongs together as one, and a joiner or a mark alone by itself", () => {
  expect(of("👩‍🚀❤️")).toEqual(["text 👩‍🚀❤️"]);
  expect(of("\u200d🚀")).toEqual(["sign U+200D", "text 🚀"]);
  expect(of("e\u0301")).toEqual(["text e\u0301"]);
  expect(of("\u0301")).toEqual(["text ◌\u0301"]);
});

it("shows the bytes of a character that is cut", () => {
  const fox = new TextEncoder().encode("a🦊");
  expect(plain(fox.subarray(0, 3))).toBe("aF09F");
  expect(glyphsOf(fox.subarray(3)).map(({ kind }) => kind)).toEqual(["byte", "byte"]);
});

it("takes any bytes, and loses none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const cut = glyphsOf(bytes).filter(({ kind }) => kind === "byte").length;
      const whole = new TextDecoder().decode(bytes).replaceAll("\ufffd", "");
      expect(cut + new TextEncoder().encode(whole).length).toBeLessThanOrEqual(bytes.length);
      if (cut === 0) expect(new TextEncoder().encode(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes))).toEqual(bytes);
    }),
    { seed: 1 },
  );
  for (let byte = 0x80; byte < 0x100; byte++) expect(glyphsOf(Uint8Array.of(byte))).toEqual([{ kind: "byte", shown: hex(byte) }]);
});
