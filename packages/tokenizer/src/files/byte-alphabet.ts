/**
 * GPT-2's spelling of bytes as printable characters, which `vocab.json`, `merges.txt` and `tokenizer.json` use: a byte
 * whose Latin-1 character prints is that character, the others are U+0100 and on (`bytes_to_unicode` in GPT-2's
 * encoder.py).
 */
const characters = /* @__PURE__ */ spellings();
const bytesByCharacter = /* @__PURE__ */ byCharacter(characters);

function spellings(): string[] {
  let moved = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(prints ? byte : moved++);
  });
}

function byCharacter(spelled: readonly string[]): ReadonlyMap<string, number> {
  return new Map(spelled.map((character, byte) => [character, byte]));
}

/** The bytes as text. */
export function spellBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += characters[byte];
  return text;
}

/** The bytes that a text spells, or undefined where it has other characters. */
export function unspellBytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const byte = bytesByCharacter.get(text[i]);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
