import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidUtf8, Utf8Decoder } from "./utf8.ts";

const runs = process.env.GPT_VERIFY ? 100_000 : 2_000;

/** Decodes bytes that come in chunks of the given lengths, and the rest in one. */
function decode(bytes: Uint8Array, lengths: readonly number[] = []): string {
  const decoder = new Utf8Decoder();
  let text = "";
  let position = 0;
  for (const length of lengths) {
    text += decoder.decode(bytes.subarray(position, position + length));
    position += length;
  }
  return text + decoder.decode(bytes.subarray(position)) + decoder.decode(new Uint8Array(), true);
}

/** What the platform says: whether bytes are valid and complete. */
function platformDecode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Where the first wrong sequence begins: no valid text ends between there and the end of the longest sequence. */
function platformOffset(bytes: Uint8Array): number {
  let offset = 0;
  for (let end = 0; end <= bytes.length; end++) {
    if (platformDecode(bytes.subarray(offset, end)) !== undefined) offset = end;
  }
  return offset;
}

/** Bytes that are nearly UTF-8: pieces of text, lead and trail bytes, overlong forms, surrogates. */
const nearlyUtf8 = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", maxLength: 4, size: "max" }).map((text) => [...new TextEncoder().encode(text)]),
      fc.array(fc.constantFrom(0x41, 0x80, 0xa0, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff), {
        maxLength: 4,
        size: "max",
      }),
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 3, size: "max" }),
    ),
    { maxLength: 30, size: "max" },
  )
  .map((parts) => Uint8Array.from(parts.flat()));

const cuts = fc.array(fc.nat(5), { maxLength: 40, size: "max" });

describe("Utf8Decoder", () => {
  test("takes and refuses what the platform does, at the same byte, however the bytes are cut", () => {
    const seen = { valid: 0, refusedBehindACut: 0, long: 0 };
    fc.assert(
      fc.property(nearlyUtf8, cuts, (bytes, lengths) => {
        const expected = platformDecode(bytes);
        if (bytes.length > 40) seen.long++;
        if (expected !== undefined) seen.valid++;
        else if (lengths.length > 0 && platformOffset(bytes) > lengths[0]) seen.refusedBehindACut++;
        if (expected !== undefined) {
          expect(decode(bytes, lengths)).toBe(expected);
          return;
        }
        try {
          decode(bytes, lengths);
          expect.unreachable();
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidUtf8);
          expect((error as InvalidUtf8).offset).toBe(platformOffset(bytes));
        }
      }),
      { numRuns: runs },
    );
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(runs / 200);
  });

  test("gives back any text, however its bytes are cut", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 60, size: "max" }), cuts, (text, lengths) => {
        expect(decode(new TextEncoder().encode(text), lengths)).toBe(text);
      }),
      { numRuns: runs },
    );
  });

  test("drops a byte order mark at the beginning alone, also where it is cut", () => {
    const bytes = new TextEncoder().encode("\uFEFFa\uFEFFb");
    expect(decode(bytes)).toBe("a\uFEFFb");
    expect(decode(bytes, [1, 1, 1, 1])).toBe("a\uFEFFb");
    expect(decode(bytes.subarray(0, 3))).toBe("");
  });

  test.each([
    [[0x41, 0xff], "the byte 0xff at offset 1 is not valid UTF-8"],
    [[0xff, 0xfe, 0x41, 0x00], "the byte 0xff at offset 0 is not valid UTF-8"],
    [[0x41, 0x42, 0xe2, 0x82], "the byte 0xe2 at offset 2 is not valid UTF-8"],
    [[0xc3, 0xa9, 0xed, 0xa0, 0x80], "the byte 0xed at offset 2 is not valid UTF-8"],
  ])("names the byte: %o", (bytes, message) => {
    expect(() => decode(Uint8Array.from(bytes))).toThrow(message);
  });
});
