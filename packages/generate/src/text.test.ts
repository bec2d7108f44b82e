import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GPT } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { CharacterTokenizer, trainBPE } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import type { FinishEvent, TextEvent } from "./events.ts";
import { generateText, streamText } from "./text.ts";
import type { GeneratedText, TextOptions } from "./text.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const characters = CharacterTokenizer.fromText("abcd ");
/** Little more than bytes, so that most characters are spread over several tokens. */
let pairs: Tokenizer;
let endOfText: number;
beforeAll(async () => {
  pairs = await trainBPE(["größer 字字 😀😀 the the"], { vocabSize: 264, specialTokens: ["<|endoftext|>"] });
  endOfText = pairs.endOfText ?? NaN;
});

function randomModel({ vocabSize }: Tokenizer): GPT {
  return new GPT({ vocabSize, contextLength: 16, layers: 1, heads: 1, dim: 4, initialStd: 0.3 }, { seed: 1 });
}

/** The events of a stream: the pieces, and the last one as a result with the whole text. */
async function stream(
  tokenizer: Tokenizer,
  prompt: string,
  options: TextOptions,
): Promise<{ pieces: TextEvent[]; result: GeneratedText }> {
  const pieces: TextEvent[] = [];
  const model = randomModel(tokenizer);
  const finished: GeneratedText[] = [];
  for await (const event of streamText(model, tokenizer, prompt, { seed: 0, contextShift: true, ...options })) {
    expect(finished).toEqual([]);
    if (event.type === "text") {
      pieces.push(event);
      continue;
    }
    const { type: _, ...result } = event;
    expect(result.text).toBe("");
    finished.push({ ...result, text: pieces.map(({ text }) => text).join("") });
  }
  expect(finished).toHaveLength(1);
  return { pieces, result: finished[0] };
}

describe("streamText", () => {
  test("a prompt begins with the tokens that the tokenizer puts before a text, once", async () => {
    const around = { before: [endOfText], behind: [endOfText] };
    const withStart: Tokenizer = Object.assign(Object.create(pairs) as Tokenizer, {
      around, encode: pairs.encode.bind(pairs), createDecoder: pairs.createDecoder.bind(pairs), hasToken: pairs.hasToken.bind(pairs),
    });
    const tokensOf = async (tokenizer: Tokenizer, prompt: string) =>
      (await stream(tokenizer, prompt, { maxTokens: 3, temperature: 0, allowedSpecial: "all", ignoreEndOfText: true })).result.tokens;
    const expected = await tokensOf(pairs, "<|endoftext|>the");
    expect(await tokensOf(withStart, "the")).toEqual(expected);
    expect(await tokensOf(withStart, "<|endoftext|>the")).toEqual(expected);
    expect(await tokensOf(withStart, "")).toEqual(await tokensOf(pairs, ""));
  });

  test("the pieces are the text, and it is that of the tokens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1000), fc.nat(30), async (seed, maxTokens) => {
        const { pieces, result } = await stream(pairs, "the", { maxTokens, seed, ignoreEndOfText: true });
        expect(result.text).toBe(pairs.decode(result.tokens));
        expect(pieces.flatMap(({ token }) => token?.id ?? [])).toEqual(result.tokens);
        for (const { token } of pieces) expect(token?.logProbability ?? 0).toBeLessThanOrEqual(0);
        expect(result).toMatchObject({ promptTokens: pairs.encode("the").length, finishReason: "length", seed });
        for (const { text } of pieces) expect(text).not.toMatch(/\p{Surrogate}/u);
      }),
      { numRuns: 50 },
    );
  });

  test("is what generateText gives at once", async () => {
    const options = { maxTokens: 20, seed: 4, contextShift: true };
    const { result } = await stream(characters, "ab", options);
    expect(await generateText(randomModel(characters), characters, "ab", options)).toEqual(result);
  });

  test("ends at a stop sequence, of which nothing shows", async () => {
    const { result: whole } = await stream(characters, "a", { maxTokens: 40 });
    const stop = whole.text.slice(20, 23);
    const end = whole.text.indexOf(stop);
    const { result } = await stream(characters, "a", { maxTokens: 40, stop: ["zzz", stop] });
    expect(result).toEqual({
      text: whole.text.slice(0, end),
      tokens: whole.tokens.slice(0, end + 3),
      promptTokens: 1,
      finishReason: "stop",
      seed: 0,
    });
  });

  test("a stop sequence may be given alone", async () => {
    const { result: whole } = await stream(characters, "a", { maxTokens: 40 });
    const stop = whole.text.slice(20, 23);
    const [alone, listed] = await Promise.all([stop, [stop]].map((stop) => stream(characters, "a", { maxTokens: 40, stop })));
    expect(alone).toEqual(listed);
    expect(alone.result.finishReason).toBe("stop");
  });

  test("of a model with more embeddings than the tokenizer has tokens, ids without a token are never chosen", async () => {
    const model = new GPT(
      { vocabSize: 5 + 40, contextLength: 16, layers: 1, heads: 1, dim: 4, initialStd: 0.3 }, { seed: 1 },
    );
    for (const options of [{ temperature: 0 }, { temperature: 5 }, { topK: 0 }]) {
      const { text, tokens } = await generateText(model, characters, "ab", { maxTokens: 50, contextShift: true, ...options });
      expect(tokens).toHaveLength(50);
      expect(text).toBe(characters.decode(tokens));
    }
  });

  test("of a model with fewer, a token that it lacks is named", async () => {
    const model = new GPT({ vocabSize: 3, contextLength: 16, layers: 1, heads: 1, dim: 4 });
    await expect(generateText(model, characters, "abd", { maxTokens: 2 })).rejects.toMatchObject({
      code: "invalid-token",
      message: expect.stringMatching(
        /^the prompt has token [34], ".", which a model with a vocabulary of 3 does not have; give the tokenizer/,
      ) as string,
    });
  });

  test("arguments of the wrong kind are answered with what was expected", async () => {
    const model = randomModel(characters);
    const wrong = <T>(value: unknown): T => value as T;
    const calls: [string, () => Promise<unknown>][] = [
      ["the model must be a GPT: it has no hidden()", () => generateText(wrong({}), characters, "a")],
      ["the tokenizer must be a tokenizer, not null", () => generateText(model, wrong(null), "a")],
      ["the prompt must be a text, not 3", () => generateText(model, characters, wrong(3))],
      ["stop must be a text, not 3", () => generateText(model, characters, "a", { stop: wrong(3) })],
      ["stop[1] must be a text, not null", () => generateText(model, characters, "a", { stop: wrong(["a", null]) })],
      ["ignoreEndOfText must be true or false, not \"no\"", () => generateText(model, characters, "a", { ignoreEndOfText: wrong("no") })],
    ];
    for (const [message, call] of calls) {
      await expect(call()).rejects.toMatchObject({ name: "GenerationError", code: "invalid-option", message });
    }
  });

  test("what might have begun a stop sequence comes at the end", async () => {
    const { result: whole } = await stream(characters, "a", { maxTokens: 10 });
    const stop = `${whole.text.slice(-2)}z`;
    const { pieces, result } = await stream(characters, "a", { maxTokens: 10, stop: [stop] });
    expect(result).toEqual(whole);
    expect(pieces.at(-1)).toEqual({ type: "text", text: whole.text.slice(-2) });
  });

  test("ends before the end-of-text token, or other stop tokens, unless told to go on", async () => {
    const options = { maxTokens: 2000, ignoreEndOfText: true };
    const { result: whole } = await stream(pairs, "the", options);
    const end = whole.tokens.indexOf(endOfText);
    expect(end).toBeGreaterThan(0);
    const { result } = await stream(pairs, "the", { maxTokens: 2000 });
    expect(result).toMatchObject({ tokens: whole.tokens.slice(0, end), finishReason: "stop" });
    expect(result.text).not.toContain("<|endoftext|>");
    const stopTokens = [whole.tokens[3]];
    const { result: early } = await stream(pairs, "the", { ...options, stopTokens });
    expect(early.tokens).toEqual(whole.tokens.slice(0, whole.tokens.indexOf(stopTokens[0])));
  });

  test("an empty prompt begins after the end-of-text token, where there is one", async () => {
    const { result } = await stream(pairs, "", { maxTokens: 5 });
    expect(result.promptTokens).toBe(1);
    const { result: spelledOut } = await stream(pairs, "<|endoftext|>", { maxTokens: 5, allowedSpecial: "all" });
    expect(result).toEqual(spelledOut);
    await expect(stream(characters, "", { maxTokens: 5 })).rejects.toMatchObject({ code: "empty-prompt" });
  });

  test("special tokens in a prompt are plain text, unless they are allowed", async () => {
    const prompt = "the<|endoftext|>";
    const { result } = await stream(pairs, prompt, { maxTokens: 1 });
    expect(result.promptTokens).toBe(pairs.encode(prompt, { disallowedSpecial: [] }).length);
    const { result: allowed } = await stream(pairs, prompt, { maxTokens: 1, allowedSpecial: ["<|endoftext|>"] });
    expect(allowed.promptTokens).toBe(pairs.encode("the").length + 1);
  });

  test("ends by its signal", async () => {
    const controller = new AbortController();
    const generator = streamText(randomModel(characters), characters, "a", {
      maxTokens: 100,
      signal: controller.signal,
    });
    for (let i = 0; i < 7; i++) await generator.next();
    controller.abort();
    const { value } = await generator.next();
    expect(value).toMatchObject({ type: "finish", finishReason: "aborted" });
    expect((value as FinishEvent).tokens).toHaveLength(7);
    expect(await generator.next()).toEqual({ done: true, value: undefined });
  });

  test("frees the cache when it ends, when it is left, and when it fails", async () => {
    const model = randomModel(characters);
    const before = backend.memory.liveBuffers;
    await generateText(model, characters, "a", { maxTokens: 100, stop: ["a"] });
    expect(backend.memory.liveBuffers).toBe(before);
    for await (const { text } of streamText(model, characters, "a", { maxTokens: 100 })) {
      expect(text).toHaveLength(1);
      expect(backend.memory.liveBuffers).toBeGreaterThan(before);
      break;
    }
    expect(backend.memory.liveBuffers).toBe(before);
    await expect(generateText(model, characters, "a?", { maxTokens: 1 })).rejects.toMatchObject({
      code: "unknown-character",
    });
    await expect(generateText(model, pairs, "😀", { maxTokens: 1 })).rejects.toMatchObject({ code: "invalid-token" });
    expect(backend.memory.liveBuffers).toBe(before);
  });
});
