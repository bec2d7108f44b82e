import { beforeEach, describe, expect, test } from "vitest";
import { GPT } from "@gpt/gpt";
import type { GPTOptions } from "@gpt/gpt";
import { full, scatterAdd, tensor, useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import type { FinishEvent, TokenEvent } from "./events.ts";
import type { RowState, ScoreProcessor } from "./processors.ts";
import { streamTokens } from "./tokens.ts";
import type { TokenOptions } from "./tokens.ts";
import { modesOf, scoresOf } from "../test/reference.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

/** A model whose random weights are large enough that its greedy text is no monotony. */
function randomModel(changes: Partial<GPTOptions> = {}): GPT {
  const sizes = { vocabSize: 13, contextLength: 16, layers: 2, heads: 2, dim: 8 };
  return new GPT({ ...sizes, tiedHead: false, initialStd: 1, ...changes }, { seed: 3 });
}

/** What a stream gives: the tokens, and how it ended. */
async function generate(
  model: GPT,
  prompt: number[],
  options: TokenOptions,
): Promise<{ choices: TokenEvent[]; ids: number[]; finish: FinishEvent }> {
  const choices: TokenEvent[] = [];
  const finished: FinishEvent[] = [];
  for await (const event of streamTokens(model, prompt, options)) {
    expect(finished).toEqual([]);
    if (event.type === "token") choices.push(event);
    else finished.push(event);
  }
  const ids = choices.map(({ id }) => id);
  expect(finished).toEqual([expect.objectContaining({ type: "finish", tokens: ids, promptTokens: prompt.length })]);
  return { choices, ids, finish: finished[0] };
}

/** The scores of the token behind `ids`, without a cache. */
function scoresAfter(model: GPT, ids: readonly number[]): Float32Array {
  return scoresOf(model, ids).at(-1) as Float32Array;
}

const argmax = (values: Float32Array): number => values.indexOf(Math.max(...values));

describe("streamTokens", () => {
  test("greedy: each token is the best one of a forward pass over all before it", async () => {
    const model = randomModel({ dropout: 0.5 });
    const prompt = [1, 2, 3];
    const { choices, finish } = await generate(model, prompt, { maxTokens: 13, temperature: 0 });
    const ids = [...prompt];
    for (const { id, logProbability } of choices) {
      const scores = scoresAfter(model, ids);
      expect(id).toBe(argmax(scores));
      const normalizer = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
      expect(logProbability).toBeCloseTo(scores[id] - normalizer, 4);
      ids.push(id);
    }
    expect(ids).toHaveLength(16);
    expect(new Set(ids).size).toBeGreaterThan(4);
    expect(finish.finishReason).toBe("length");
  });

  test.each([
    [16, 8],
    [5, 3],
    [1, 1],
  ])("contextShift: beyond a context of %i tokens it goes on from the last %i", async (contextLength, kept) => {
    const model = randomModel({ contextLength });
    const prompt = [4];
    const { ids } = await generate(model, prompt, { maxTokens: 40, temperature: 0, contextShift: true });
    expect(ids).toHaveLength(40);
    const all = [...prompt, ...ids];
    let start = 0;
    for (let next = 1; next < all.length; next++) {
      if (next - start > contextLength) start = next - kept;
      expect(all[next]).toBe(argmax(scoresAfter(model, all.slice(start, next))));
    }
  });

  test("keys and values in f16 hardly change the scores", async () => {
    const model = randomModel();
    const [whole, rounded] = await Promise.all(
      (["f32", "f16"] as const).map((cacheDtype) => generate(model, [1, 2], { maxTokens: 8, temperature: 0, cacheDtype })),
    );
    expect(rounded.ids).toEqual(whole.ids);
  });

  test("ends with the context: its last token is one that the model chose and did not read", async () => {
    const model = randomModel({ contextLength: 8 });
    const { ids: shifted } = await generate(model, [1, 2, 3], { maxTokens: 9, temperature: 0, contextShift: true });
    const { ids, finish } = await generate(model, [1, 2, 3], { maxTokens: 9, temperature: 0 });
    expect(ids).toEqual(shifted.slice(0, 6));
    expect(finish.finishReason).toBe("length");
    const full = await generate(model, [1, 2, 3, 4, 5, 6, 7, 8], {});
    expect(full).toMatchObject({ ids: [expect.any(Number)], finish: { finishReason: "length" } });
  });

  test("contextShift: of a prompt that is longer than the context it sees the end", async () => {
    const model = randomModel();
    const prompt = Array.from({ length: 50 }, (_, i) => (i * 5) % 13);
    const options = { maxTokens: 5, seed: 2, contextShift: true };
    expect((await generate(model, prompt, options)).ids).toEqual(
      (await generate(model, prompt.slice(-16), options)).ids,
    );
  });

  test("the same seed gives the same tokens, others give others", async () => {
    const model = randomModel();
    const ids = async (seed: number) => (await generate(model, [1], { maxTokens: 15, seed })).ids.join();
    const [first, again, ...others] = await Promise.all([7, 7, 8, 7 + 2 ** 32, 0].map(ids));
    expect(again).toBe(first);
    expect(new Set([first, ...others]).size).toBe(4);
  });

  test("a seed that is left out is drawn, and reported: it gives the same tokens again", async () => {
    const model = randomModel();
    const runs = await Promise.all([0, 1, 2].map(() => generate(model, [1], { maxTokens: 15 })));
    expect(new Set(runs.map(({ finish }) => finish.seed)).size).toBe(3);
    expect(new Set(runs.map(({ ids }) => ids.join())).size).toBe(3);
    for (const { ids, finish } of runs) {
      expect((await generate(model, [1], { maxTokens: 15, seed: finish.seed })).ids).toEqual(ids);
    }
  });

  test("draws tokens as often as the model's probabilities say", async () => {
    const model = randomModel({ contextLength: 1, initialStd: 0.2 });
    const scores = scoresAfter(model, [1]);
    const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
    const counts = new Array<number>(13).fill(0);
    for (let seed = 0; seed < 3000; seed++) {
      const { ids } = await generate(model, [1], { maxTokens: 1, seed });
      counts[ids[0]]++;
    }
    // Three thousand draws have a deviation below 0.01.
    counts.forEach((count, id) => expect(Math.abs(count / 3000 - Math.exp(scores[id]) / total)).toBeLessThan(0.04));
  });

  test("a repetition penalty looks at the prompt, and at all that was written", async () => {
    const model = randomModel();
    const prompt = [5, 6];
    const { ids } = await generate(model, prompt, { maxTokens: 14, temperature: 0, repetitionPenalty: 1.5 });
    const all = [...prompt];
    for (const id of ids) {
      const scores = scoresAfter(model, all);
      for (const seen of new Set(all)) scores[seen] *= scores[seen] > 0 ? 1 / 1.5 : 1.5;
      expect(id).toBe(argmax(scores));
      all.push(id);
    }
    const { ids: unpunished } = await generate(model, prompt, { maxTokens: 14, temperature: 0 });
    expect(unpunished).not.toEqual(ids);
  });

  test("score processors follow the sequence, and have the last word before the choice", async () => {
    const model = randomModel();
    const states = new Set<RowState>();
    const lengths: number[] = [];
    const noRepeats: ScoreProcessor = {
      process(scores, rows) {
        for (const row of rows) states.add(row);
        lengths.push(rows[0].tokens.length);
        const last = tensor(Int32Array.from(rows, ({ tokens }) => tokens.at(-1) ?? NaN), { shape: [rows.length, 1] });
        return scatterAdd(scores, last, full([rows.length, 1], -Infinity), -1);
      },
    };
    const prompt = [1, 1];
    const { ids } = await generate(model, prompt, { maxTokens: 14, temperature: 0, processors: [noRepeats] });
    const all = [...prompt];
    for (const id of ids) {
      const scores = scoresAfter(model, all);
      scores[all.at(-1) ?? NaN] = -Infinity;
      expect(id).toBe(argmax(scores));
      all.push(id);
    }
    expect((await generate(model, prompt, { maxTokens: 14, temperature: 0 })).ids).not.toEqual(ids);
    expect(lengths).toEqual(Array.from({ length: 14 }, (_, i) => 2 + i));
    expect([...states]).toEqual([expect.objectContaining({ tokens: all, promptTokens: 2 })]);
  });

  test("a score processor that fails ends the stream by its error, and frees all", async () => {
    const model = randomModel();
    const before = backend.memory.liveBuffers;
    const broken = { process: () => undefined } as unknown as ScoreProcessor;
    await expect(generate(model, [1], { processors: [broken] })).rejects.toMatchObject({
      name: "GenerationError", code: "invalid-scores", message: "processors[0].process() must return a tensor, not undefined",
    });
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test("ends before a stop token, at its number of tokens, or at once", async () => {
    const model = randomModel();
    const { ids } = await generate(model, [1], { maxTokens: 10, seed: 0 });
    const stop = ids[4];
    const stopped = await generate(model, [1], { maxTokens: 10, seed: 0, stopTokens: [99, stop] });
    expect(stopped.ids).toEqual(ids.slice(0, ids.indexOf(stop)));
    expect(stopped.finish).toEqual({ type: "finish", finishReason: "stop", tokens: stopped.ids, promptTokens: 1, seed: 0 });
    expect(await generate(model, [1], { maxTokens: 0 })).toMatchObject({ ids: [], finish: { finishReason: "length" } });
  });

  test("ends by its signal, which a timer may abort", async () => {
    const model = randomModel();
    const options = { maxTokens: 1e9, contextShift: true, signal: AbortSignal.timeout(100) };
    expect((await generate(model, [1], options)).finish.finishReason).toBe("aborted");
    const aborted = await generate(model, [1], { maxTokens: 5, signal: AbortSignal.abort() });
    expect(aborted).toMatchObject({ ids: [], finish: { finishReason: "aborted" } });
  });

  test("frees its cache at the end, when the loop is left, and when it fails", async () => {
    const model = randomModel();
    const before = backend.memory.liveBuffers;
    await generate(model, [1], { maxTokens: 3 });
    expect(backend.memory.liveBuffers).toBe(before);
    for await (const event of streamTokens(model, [1], { maxTokens: 100 })) {
      expect(event.type).toBe("token");
      expect(backend.memory.liveBuffers).toBe(before + 4); // Keys and values of two blocks.
      break;
    }
    expect(backend.memory.liveBuffers).toBe(before);
    const weight = model.tokenEmbedding.weight as Tensor;
    backend.write(weight, new Float32Array(weight.size).fill(NaN));
    await expect(generate(model, [1], { maxTokens: 3 })).rejects.toMatchObject({ code: "not-a-number" });
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test("a model with int8 weights chooses the tokens that the one in f32 does, nearly always", async () => {
    const sizes = { vocabSize: 300, contextLength: 48, layers: 2, heads: 2, dim: 64, tiedHead: false, initialStd: 0.3 };
    const [model, stored] = (["f32", "int8"] as const).map((dtype) => new GPT(sizes, { seed: 5, dtype }));
    const { ids } = await generate(model, [1, 2, 3], { maxTokens: 40, temperature: 0 });
    expect(new Set(ids).size).toBeGreaterThan(10);
    let same = 0;
    for (const [index, id] of ids.entries()) {
      const prompt = [1, 2, 3, ...ids.slice(0, index)];
      same += (await generate(stored, prompt, { maxTokens: 1, temperature: 0 })).ids[0] === id ? 1 : 0;
    }
    expect(same / ids.length).toBeGreaterThanOrEqual(0.9);
  });

  test("leaves every part of the model in its mode, also between tokens, where the loop is left, and where it fails", async () => {
    const model = randomModel({ dropout: 0.5 });
    model.blocks[0].eval();
    const before = modesOf(model);
    expect(before.includes(true) && before.includes(false)).toBe(true);
    for await (const _ of streamTokens(model, [1], { maxTokens: 9 })) {
      expect(modesOf(model)).toEqual(before);
      break;
    }
    expect(modesOf(model)).toEqual(before);
    await expect(generate(model, [1], { maxTokens: 3, suppressTokens: [...Array(13).keys()] })).rejects.toThrow();
    const weight = model.tokenEmbedding.weight as Tensor;
    backend.write(weight, new Float32Array(weight.size).fill(NaN));
    await expect(generate(model, [1], { maxTokens: 3 })).rejects.toThrow();
    expect(modesOf(model)).toEqual(before);
  });

  test("options that are left out have the model's defaults, unless told otherwise", async () => {
    const sizes = randomModel().config;
    const generation = { temperature: 0, maxTokens: 7, stopTokens: [99] };
    const model = new GPT(sizes, { seed: 3, generation });
    const greedy = await generate(model, [1], { maxTokens: 7, temperature: 0 });
    expect((await generate(model, [1], {})).choices).toEqual(greedy.choices);
    expect((await generate(model, [1], { stopTokens: greedy.ids[3] })).ids).toEqual(greedy.ids.slice(0, greedy.ids.indexOf(greedy.ids[3])));
    expect((await generate(model, [1], { temperature: null as unknown as undefined })).ids).toEqual(greedy.ids);
    expect((await generate(model, [1], { modelDefaults: false, contextShift: true })).ids).toHaveLength(256);
    const limited = new GPT(sizes, { seed: 3, generation: { maxLength: 5 } });
    expect((await generate(limited, [1, 2], {})).ids).toHaveLength(3);
    await expect(generate(limited, [1, 2, 3, 4, 5], {})).rejects.toThrow("max_length of 5");
    const beams = new GPT(sizes, { seed: 3, generation: { unsupported: { num_beams: 4 } } });
    await expect(generate(beams, [1], {})).rejects.toMatchObject({
      code: "invalid-option",
      message: expect.stringContaining("the model's num_beams is 4 (generation_config.json)") as string,
    });
    expect((await generate(beams, [1], { modelDefaults: false, maxTokens: 2 })).ids).toHaveLength(2);
  });

  test("suppressed tokens are never chosen", async () => {
    const model = randomModel();
    for (const options of [{ temperature: 0 }, { temperature: 2 }, { topK: 3 }, { repetitionPenalty: 1.5 }]) {
      const { ids } = await generate(model, [1], { maxTokens: 60, contextShift: true, suppressTokens: [2, 5, 7, 11], ...options });
      expect(ids.filter((id) => [2, 5, 7, 11].includes(id))).toEqual([]);
      expect(ids).toHaveLength(60);
    }
  });

  test("several streams of one model do not disturb one another", async () => {
    const model = randomModel();
    const options = { maxTokens: 20, seed: 0, contextShift: true };
    const alone = await Promise.all([1, 2].map(async (id) => (await generate(model, [id], options)).ids));
    const [a, b] = [1, 2].map((id) => streamTokens(model, [id], options));
    const turns: [number[], number[]] = [[], []];
    for (let i = 0; i < 20; i++) {
      turns[0].push(((await a.next()).value as TokenEvent).id);
      turns[1].push(((await b.next()).value as TokenEvent).id);
    }
    await Promise.all([a, b].map((stream) => stream.return())); // So that both free their caches.
    expect(turns).toEqual(alone);
  });

  test.each<[number[], TokenOptions, string, string]>([
    [[], { maxTokens: 1 }, "empty-prompt", "the prompt has no tokens; a model continues at least one"],
    [[1, 13], { maxTokens: 1 }, "invalid-token", "token 13 is not in the model's vocabulary of 13"],
    [[-1], { maxTokens: 1 }, "invalid-token", "token -1 is not in the model's vocabulary of 13"],
    [
      new Array<number>(17).fill(1), {}, "prompt-too-long",
      "the prompt has 17 tokens, and the model's context is 16; give a shorter one, or contextShift: true to read its end",
    ],
    [[0.5], { maxTokens: 1 }, "invalid-token", "token 0.5 is not in the model's vocabulary of 13"],
    [[1], { maxTokens: -1 }, "invalid-option", "maxTokens must be a whole number from 0, not -1"],
    [[1], { maxTokens: Infinity }, "invalid-option", "maxTokens must be a whole number from 0, not Infinity"],
    [[1], { maxTokens: 1, seed: -1 }, "invalid-option", "seed must be a whole number from 0 to 2^53 - 1, not -1"],
    [[1], { maxTokens: "3" as unknown as number }, "invalid-option", 'maxTokens must be a whole number from 0, not "3"'],
    [["1" as unknown as number], {}, "invalid-token", `token "1" is not in the model's vocabulary of 13`],
    [null as unknown as number[], {}, "invalid-option", "the prompt must be a list of token ids, not null"],
    [[1], { temperature: -1 }, "invalid-option", "temperature must be a finite number from 0, not -1"],
    [[1], { contextShift: 1 as unknown as true }, "invalid-option", "contextShift must be true or false, not 1"],
    [[1], { topK: 1.5 }, "invalid-option", "topK must be a whole number from 0, not 1.5"],
    [[1], { topP: 0 }, "invalid-option", "topP must be a number above 0 and at most 1, not 0"],
    [[1], { minP: 2 }, "invalid-option", "minP must be a number from 0 to 1, not 2"],
    [[1], { repetitionPenalty: NaN }, "invalid-option", "repetitionPenalty must be a number above 0, not NaN"],
    [[1], { stopTokens: [1, -2] }, "invalid-option", "stopTokens[1] must be a whole number from 0, not -2"],
    [[1], { cacheDtype: "f64" as "f32" }, "invalid-option", 'cacheDtype must be one of "f32", "f16", "bf16", "int8", "int4", not "f64"'],
    [[1], { processors: {} as [] }, "invalid-option", "processors must be a list, not an object"],
    [[1], { processors: [{}] as unknown as [] }, "invalid-option", "processors[0] must be a score processor: it has no process()"],
    [[1], { signal: {} as AbortSignal }, "invalid-option", "signal must be an AbortSignal: it has no throwIfAborted()"],
    [[1], "fast" as unknown as TokenOptions, "invalid-option", 'options must be an object, not "fast"'],
    [[1], { suppressTokens: [...Array(13).keys()] }, "invalid-option", "all 13 tokens of the model are suppressed"],
  ])("refuses %o with %o", async (prompt, options, code, message) => {
    const model = randomModel();
    const before = backend.memory.liveBuffers;
    await expect(generate(model, prompt, options)).rejects.toMatchObject({ name: "GenerationError", code, message });
    expect(backend.memory.liveBuffers).toBe(before);
  });
});
