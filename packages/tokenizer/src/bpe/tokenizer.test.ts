import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodingByName } from "../encodings.ts";
import { testCount } from "../../test/counts.ts";
import { anyText, writtenTexts } from "../../test/texts.ts";
import { wellFormed } from "../unicode/text.ts";

const gpt2 = await encodingByName("gpt2");
const cl100k = await encodingByName("cl100k_base");
const o200k = await encodingByName("o200k_base");

describe("special tokens", () => {
  const text = "one<|endoftext|>two<|fim_prefix|>";

  it("refuses them in a text by default, and says what to do", () => {
    expect(() => cl100k.encode(text)).toThrowErrorMatchingInlineSnapshot(
      `[TokenizerError: the text has the special token "<|endoftext|>" at character 3, which is not allowed there; pass { allowedSpecial: ["<|endoftext|>"] } to encode it as that token, { disallowedSpecial: [] } to read it as plain text]`,
    );
    expect(() => cl100k.encode(text, { allowedSpecial: ["<|endoftext|>"] })).toThrow(
      /"<\|fim_prefix\|>" at character 19/,
    );
  });

  it("encodes those that are allowed", () => {
    expect(cl100k.encode(text, { allowedSpecial: "all" })).toEqual([606, 100257, 20375, 100258]);
    const some = { allowedSpecial: ["<|endoftext|>"], disallowedSpecial: [] };
    expect(cl100k.encode(text, some)).toEqual([
      606,
      100257,
      20375,
      ...cl100k.encode("<|fim_prefix|>", { disallowedSpecial: [] }),
    ]);
  });

  it("refuses one that is both allowed and disallowed by name, as tiktoken does", () => {
    const both = { allowedSpecial: "all", disallowedSpecial: ["<|endoftext|>"] } as const;
    expect(() => cl100k.encode(text, both)).toThrow(/not allowed/);
  });

  it("reads them as plain text where they are not disallowed", () => {
    const ids = cl100k.encode(text, { disallowedSpecial: [] });
    expect(Math.max(...ids)).toBeLessThan(100256);
    expect(cl100k.decode(ids)).toBe(text);
  });

  it("refuses names that it does not know", () => {
    expect(() => gpt2.encode("", { allowedSpecial: ["<|end|>"] })).toThrowErrorMatchingInlineSnapshot(
      `[TokenizerError: allowedSpecial names "<|end|>", which is not a special token of this tokenizer]`,
    );
    expect(() => gpt2.encode("", { disallowedSpecial: "<|endoftext|>" })).toThrow('disallowedSpecial is "<|endoftext|>"; give "all" or an array of special tokens');
  });

  it("takes the longest of those that begin at the same place", async () => {
    const harmony = await encodingByName("o200k_harmony");
    expect(harmony.vocabSize).toBe(201_088);
    expect(harmony.encode("<|start|>user<|message|>Hi<|end|>", { allowedSpecial: "all" })).toEqual([
      200006, 1428, 200008, 12194, 200007,
    ]);
    expect(harmony.decode([200018, 200013])).toBe("<|endofprompt|><|reserved_200013|>");
  });
});

describe("decoding", () => {
  it("gives the text back, with U+FFFD for halves of surrogate pairs", () => {
    for (const tokenizer of [gpt2, cl100k, o200k]) {
      const roundTrip = (text: string): void => {
        expect(tokenizer.decode(tokenizer.encode(text, { disallowedSpecial: [] }))).toBe(wellFormed(text));
      };
      writtenTexts.forEach(roundTrip);
      fc.assert(fc.property(anyText, roundTrip), { numRuns: 300, seed: 1 });
    }
  });

  it("streams the same text, and never half a character", () => {
    const stream = (text: string): void => {
      const decoder = gpt2.createDecoder();
      const pieces = gpt2.encode(text, { disallowedSpecial: [] }).map((id) => decoder.push(id));
      const rest = decoder.flush();
      expect(rest).toBe("");
      expect(pieces.join("")).toBe(wellFormed(text));
      for (const piece of pieces) expect(wellFormed(piece)).toBe(piece);
    };
    writtenTexts.forEach(stream);
    fc.assert(fc.property(anyText, stream), { numRuns: 300, seed: 1 });
  });

  it("replaces bytes that are no UTF-8 as the WHATWG decoder does, streamed or not", () => {
    const anyIds = fc.array(fc.oneof(fc.nat(255), fc.nat(50_256)), { maxLength: 12, size: "max" });
    const sameAsPlatform = (ids: number[]): void => {
      const decoder = gpt2.createDecoder();
      const streamed = ids.map((id) => decoder.push(id)).join("") + decoder.flush();
      const expected = new TextDecoder("utf-8", { ignoreBOM: true }).decode(gpt2.decodeBytes(ids));
      expect(gpt2.decode(ids)).toBe(expected);
      expect(streamed).toBe(expected);
    };
    fc.assert(fc.property(anyIds, sameAsPlatform), { numRuns: 1000, seed: 3 });
  });

  it("shows an incomplete character at the end as U+FFFD, and can be used again", () => {
    const [first, ...others] = gpt2.encode("漢");
    const decoder = gpt2.createDecoder();
    expect(decoder.push(first)).toBe("");
    expect(decoder.flush()).toBe("\uFFFD");
    expect([first, ...others].map((id) => decoder.push(id)).join("")).toBe("漢");
  });

  it("refuses ids that there are not", () => {
    for (const id of [-1, 1.5, NaN, 50_257, 2 ** 40]) {
      expect(() => gpt2.decode([id])).toThrow(`there is no token ${id}; the vocabulary has ids below 50257`);
    }
    expect(() => o200k.decode([199_998])).toThrow(/no token 199998/);
    expect(o200k.vocabSize).toBe(200_019);
  });
});

describe("ids without a token", () => {
  it("are known without a search, and decoded as the caller says", async () => {
    const harmony = await encodingByName("o200k_harmony");
    for (const [tokenizer, id] of [[o200k, 199_998], [gpt2, 50_257], [gpt2, -1], [gpt2, 0.5], [harmony, 201_088]] as const) {
      expect(tokenizer.hasToken(id)).toBe(false);
      expect(() => tokenizer.decode([id])).toThrow(`there is no token ${id}`);
      expect(tokenizer.decode([72, id, 73], { withoutToken: "skip" })).toBe(tokenizer.decode([72, 73]));
    }
    expect(harmony.hasToken(199_998)).toBe(true);
    expect(Array.from({ length: 50_300 }, (_, id) => id).filter((id) => gpt2.hasToken(id))).toHaveLength(50_257);
  });

  it("do not part the bytes of a character in a stream", () => {
    const [first, ...others] = gpt2.encode("漢");
    const decoder = gpt2.createDecoder({ withoutToken: "skip" });
    expect([first, 60_000, ...others, 60_000].map((id) => decoder.push(id)).join("") + decoder.flush()).toBe("漢");
    expect(() => gpt2.createDecoder().push(60_000)).toThrow(/no token 60000/);
  });
});

describe("long texts", () => {
  it.each([" ", "a", "7", "\n"])("takes a million of %j", (unit) => {
    const text = unit.repeat(1_000_000);
    expect(o200k.decode(o200k.encode(text)) === text).toBe(true);
  });

  it.each([" ", "a", "A", "7", "\n", "-", "é", "漢", "\u0301", "ab", " \n", "<|"])("takes many of %j", (unit) => {
    const text = unit.repeat(testCount(1_000_000, 20_000));
    for (const tokenizer of [gpt2, cl100k, o200k]) expect(tokenizer.decode(tokenizer.encode(text)) === text).toBe(true);
  });

  it("gives the same ids whatever was encoded before", async () => {
    const { o200kBase } = await import("../encodings/o200k_base.ts");
    const text = writtenTexts.join("").repeat(3);
    const before = o200kBase().encode(text, { disallowedSpecial: [] });
    // More different words, short and long, than the caches hold.
    const letters = (n: number): string => n.toString(26).replace(/\d/g, (digit) => "qrstuvwxyz"[Number(digit)]);
    for (const [count, stem] of [
      [70_000, " "],
      [40_000, " internationalization"],
    ] as const) {
      const words = Array.from({ length: count }, (_, i) => stem + letters(i));
      expect(o200k.decode(o200k.encode(words.join("")))).toBe(words.join(""));
    }
    expect(o200k.encode(text, { disallowedSpecial: [] })).toEqual(before);
  });
});
