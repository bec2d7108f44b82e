import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tokenizerFiles, tokenizerFromFiles } from "../files/folder.ts";
import { preTokenizers } from "../pretokenizers/patterns.ts";
import type { PatternName } from "../pretokenizers/patterns.ts";
import { testCount } from "../../test/counts.ts";
import { anyText } from "../../test/texts.ts";
import type { BytePairTokenizer } from "./tokenizer.ts";
import { trainBPE } from "./train.ts";
import type { TrainBPEProgress } from "./train.ts";

/** The bytes of the pre-tokens of a text. */
function wordsOf(text: string, pattern: PatternName): number[][] {
  const bytes = [...new TextEncoder().encode(text)];
  const utf8 = new DataView(Uint8Array.from([...bytes, 0, 0, 0]).buffer);
  const words: number[][] = [];
  for (let at = 0; at < bytes.length;) {
    const end = preTokenizers[pattern](utf8, at, bytes.length);
    words.push(bytes.slice(at, end));
    at = end;
  }
  return words;
}

/** The algorithm as it is told: all pairs are counted anew for each merge. */
function naiveMerges(texts: readonly string[], count: number, pattern: PatternName): [number, number][] {
  let words = texts.flatMap((text) => wordsOf(text, pattern));
  const merges: [number, number][] = [];
  while (merges.length < count) {
    const counts = new Map<number, number>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i++) {
        const key = word[i] * 2 ** 20 + word[i + 1];
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    const [best] = [...counts].sort(([a, m], [b, n]) => n - m || a - b);
    if (!best) break;
    const pair: [number, number] = [Math.floor(best[0] / 2 ** 20), best[0] % 2 ** 20];
    words = words.map((word) => mergePair(word, pair, 256 + merges.length));
    merges.push(pair);
  }
  return merges;
}

function mergePair(word: readonly number[], [left, right]: readonly [number, number], token: number): number[] {
  const merged: number[] = [];
  for (let i = 0; i < word.length; i++) {
    const isPair = word[i] === left && word[i + 1] === right;
    merged.push(isPair ? token : word[i]);
    if (isPair) i++;
  }
  return merged;
}

/** Encodes a pre-token by the learnt merges, one after another over the whole word. */
function naiveEncode(word: readonly number[], merges: readonly [number, number][]): number[] {
  let ids = [...word];
  for (const [rank, pair] of merges.entries()) ids = mergePair(ids, pair, 256 + rank);
  return ids;
}

function mergesOf(tokenizer: BytePairTokenizer): [number, number][] {
  const { merges } = tokenizer.vocabulary;
  return Array.from({ length: merges.size }, (_, merge) => [merges.left(merge), merges.right(merge)]);
}

describe("trainBPE", () => {
  it("learns what the naive algorithm learns, and encodes as it does", async () => {
    const texts = fc.array(
      fc.oneof(
        anyText,
        fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 60, size: "max" }),
        fc.constantFrom("banana bandana", "aaaaaaa"),
      ),
      { minLength: 1, maxLength: 6, size: "max" },
    );
    let longest = 0;
    let learntMuch = 0;
    const pattern = fc.constantFrom<PatternName>("gpt2", "cl100k", "o200k");
    await fc.assert(
      fc.asyncProperty(texts, pattern, fc.nat(60), async (texts, pattern, count) => {
        fc.pre(texts.some((text) => text !== ""));
        const expected = naiveMerges(texts, count, pattern);
        const tokenizer = await trainBPE(texts, { vocabSize: 256 + count, pattern });
        expect(mergesOf(tokenizer)).toEqual(expected);
        longest = Math.max(longest, ...texts.flatMap((text) => wordsOf(text, pattern)).map((word) => word.length));
        if (expected.length > 20) learntMuch++;
        for (const text of texts) {
          const ids = wordsOf(text, pattern).flatMap((word) => naiveEncode(word, expected));
          expect(tokenizer.encode(text)).toEqual(ids);
        }
      }),
      { numRuns: testCount(2000, 80), seed: 5 },
    );
    // Words that are merged with a heap, and merges upon merges.
    expect(longest).toBeGreaterThan(32);
    expect(learntMuch).toBeGreaterThan(20);
  }, 600_000);

  it("numbers the bytes first, then the merges, then the special tokens", async () => {
    const tokenizer = await trainBPE(["low lower lowest"], {
      vocabSize: 260,
      specialTokens: ["<|endoftext|>", "<|pad|>"],
    });
    expect(tokenizer.vocabSize).toBe(260);
    expect(mergesOf(tokenizer)).toEqual([
      [0x6c, 0x6f], // lo
      [256, 0x77], // low
    ]);
    expect([...tokenizer.specialTokens]).toEqual([
      ["<|endoftext|>", 258],
      ["<|pad|>", 259],
    ]);
    expect(tokenizer.endOfText).toBe(258);
    expect(tokenizer.encode("\u0000low<|pad|>", { allowedSpecial: "all" })).toEqual([0, 257, 259]);
  });

  it("reads texts that come one by one, and tells how far it is", async () => {
    async function* lines(): AsyncGenerator<string> {
      for (let i = 0; i < 100; i++) {
        await Promise.resolve();
        yield `line ${i} of the text\n`;
      }
    }
    const seen: TrainBPEProgress[] = [];
    const streamed = await trainBPE(lines(), { vocabSize: 300, onProgress: (progress) => seen.push(progress) });
    const text: string[] = [];
    for await (const line of lines()) text.push(line);
    expect(mergesOf(streamed)).toEqual(mergesOf(await trainBPE(text, { vocabSize: 300 })));
    expect(seen.at(-1)).toEqual({ characters: text.join("").length, words: 105, vocabSize: 300 });
  });

  it("takes a text itself", async () => {
    expect(mergesOf(await trainBPE("banana", { vocabSize: 258 }))).toEqual(
      mergesOf(await trainBPE(["banana"], { vocabSize: 258 })),
    );
  });

  it("learns nothing from special tokens, wherever texts are cut", async () => {
    const text = "She sells.<|endoftext|>He buys.<|endoftext|>".repeat(50);
    const expected = await trainBPE(text.split("<|endoftext|>"), { vocabSize: 275 });
    const specialTokens = ["<|endoftext|>"];
    for (const length of [7, 100, text.length]) {
      const texts = Array.from({ length: Math.ceil(text.length / length) }, (_, i) => text.slice(i * length, (i + 1) * length));
      const tokenizer = await trainBPE(texts, { vocabSize: 276, specialTokens });
      for (let id = 256; id < tokenizer.vocabSize - 1; id++) expect(tokenizer.decode([id])).toMatch(/^[A-Za-z .]+$/);
      if (length === text.length) expect(mergesOf(tokenizer)).toEqual(mergesOf(expected));
    }
  });

  it("a special token of letters is no plain token, and what was learnt can be saved", async () => {
    const tokenizer = await trainBPE(["END\nEND\n".repeat(50)], { vocabSize: 260, specialTokens: ["END"] });
    expect(tokenizer.encode("\nEND", { disallowedSpecial: [] })).toEqual([10, 69, 78, 68]);
    const again = tokenizerFromFiles(tokenizerFiles(tokenizer));
    expect(again.encode("\nEND", { allowedSpecial: "all" })).toEqual([10, tokenizer.vocabSize - 1]);
  });

  it("stops where no pairs are left", async () => {
    expect((await trainBPE(["abc"], { vocabSize: 1000 })).vocabSize).toBe(258);
  });

  it("lets the event loop run, and stops at its signal", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 60);
    function* endless(): Generator<string> {
      for (let i = 0; ; i++) yield `word${i} `;
    }
    await expect(trainBPE(endless(), { vocabSize: 1000, signal: controller.signal })).rejects.toThrow("enough");
    await expect(trainBPE([], { vocabSize: 1000, signal: controller.signal })).rejects.toThrow("enough");
  });

  it("takes words of any length in time that grows with the length", async () => {
    const letters = Array.from(
      { length: 200_000 },
      (_, i) => "abcdefghijklmnopqrstuvwxyz"[(i * i * 7 + (i >> 3)) % 26],
    );
    const text = `${"x".repeat(200_000)} ${letters.join("")}`;
    const tokenizer = await trainBPE([text], { vocabSize: 1000 });
    expect(tokenizer.decode(tokenizer.encode(text)) === text).toBe(true);
  });

  it.each([
    [{ vocabSize: 255 }, "vocabSize is 255; give a whole number from 256, for the 256 bytes, to 1048576"],
    [{ vocabSize: 256, specialTokens: ["<s>"] }, "from 257, for the 256 bytes and 1 special tokens, to"],
    [{ vocabSize: 2 ** 40 }, "vocabSize is 1099511627776"],
    [{ vocabSize: NaN }, "vocabSize is NaN"],
    [{ vocabSize: 300, pattern: "gpt5" as PatternName }, 'there is no pattern "gpt5"; there are gpt2, cl100k, o200k, qwen2'],
    [{ vocabSize: 300, specialTokens: ["a", "a"] }, 'specialTokens[1], "a", is there twice'],
    [{ vocabSize: 300, specialTokens: [""] }, 'specialTokens[0], "", is empty'],
    [{ vocabSize: 300, specialTokens: ["\uD800"] }, "is not valid Unicode"],
  ])("refuses %j", async (options, message) => {
    await expect(trainBPE(["text"], options)).rejects.toThrow(message);
  });

  it("refuses to learn from nothing", async () => {
    await expect(trainBPE([], { vocabSize: 300 })).rejects.toMatchObject({ code: "no-text" });
    await expect(trainBPE(["", ""], { vocabSize: 300 })).rejects.toMatchObject({ code: "no-text" });
  });
});
