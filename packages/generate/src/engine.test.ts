import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { GPT } from "@gpt/gpt";
import { useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { alone, collect, expectSame, noRepeats } from "../test/batches.ts";
import type { Written } from "../test/batches.ts";
import { modesOf } from "../test/reference.ts";
import { Engine } from "./engine.ts";
import type { EngineOptions, GenerationRequest, StepResult } from "./engine.ts";
import type { ScoreProcessor } from "./processors.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const contextLength = 100;

function randomModel(): GPT {
  const sizes = { vocabSize: 13, contextLength, layers: 2, heads: 2, dim: 8, dropout: 0.5 };
  return new GPT({ ...sizes, tiedHead: false, initialStd: 1 }, { seed: 3 });
}

/** Steps until nothing is pending. */
async function finish(engine: Engine): Promise<StepResult[]> {
  const results: StepResult[] = [];
  while (engine.pending > 0) results.push(...(await engine.step()));
  return results;
}

const tokensOf = (results: readonly StepResult[], request: number): number[] =>
  results.flatMap((result) => (result.request === request && result.event.type === "token" ? [result.event.id] : []));

const prompt = (length: number): number[] => Array.from({ length }, (_, i) => (i * 5 + length) % 13);

describe("an engine", () => {
  test("gives each request what it has alone, the results of a step in the order of requests", async () => {
    const model = randomModel();
    const modes = modesOf(model);
    const engine = new Engine(model);
    const requests: GenerationRequest[] = [
      { prompt: [1, 2], maxTokens: 5, seed: 1 }, { prompt: [3], maxTokens: 3, temperature: 0, seed: 2 }, { prompt: [4], maxTokens: 0, seed: 3 },
    ];
    expect(requests.map((request) => engine.add(request))).toEqual([0, 1, 2]);
    expect(engine.pending).toBe(3);
    const first = await engine.step();
    expect(first.map(({ request, event }) => [request, event.type])).toEqual([[0, "token"], [1, "token"], [2, "finish"]]);
    expect(engine.pending).toBe(2);
    const written = new Map<number, Written>(requests.map((_, id) => [id, { tokens: [] }]));
    collect(written, [...first, ...(await finish(engine))]);
    for (const [id, request] of requests.entries()) expectSame(written.get(id)!, await alone(model, request));
    expect(await engine.step()).toEqual([]);
    expect(modesOf(model)).toEqual(modes);
    engine.dispose();
  });

  test("lets none wait for a prompt that is read", async () => {
    const model = randomModel();
    const engine = new Engine(model, { stepTokens: 10, maxSequences: 4 });
    const writing = engine.add({ prompt: [1], maxTokens: 12, temperature: 0 });
    await engine.step();
    const reading = engine.add({ prompt: prompt(80), maxTokens: 1, temperature: 0 });
    // 80 tokens, 9 a step.
    for (let step = 1; step <= 8; step++) {
      expect((await engine.step()).map(({ request, event }) => [request, event.type])).toEqual([[writing, "token"]]);
    }
    const types = (await engine.step()).map(({ request, event }) => [request, event.type]);
    expect(types).toEqual([[writing, "token"], [reading, "token"], [reading, "finish"]]);
    engine.dispose();
  });

  test("begins requests in their order, when there is room for all that they may need", async () => {
    const model = randomModel();
    const engine = new Engine(model, { cacheTokens: 96 });
    const [small, large, smaller] = [
      engine.add({ prompt: [1], maxTokens: 2 }), engine.add({ prompt: [1], maxTokens: 96 }), engine.add({ prompt: [2], maxTokens: 1 }),
    ];
    const requestsOf = (results: readonly StepResult[]): number[] => [...new Set(results.map(({ request }) => request))];
    expect(requestsOf(await engine.step())).toEqual([small]);
    expect(requestsOf(await engine.step())).toEqual([small]);
    expect(requestsOf(await engine.step())).toEqual([large]);
    engine.remove(large);
    expect(requestsOf(await engine.step())).toEqual([smaller]);
    expect(engine.pending).toBe(0);
    expect(() => engine.add({ prompt: [1], maxTokens: 97 })).toThrow(expect.objectContaining({
      code: "too-large",
      message: "the request may need 97 tokens of the cache, which holds 96; give a shorter prompt or fewer maxTokens, or an " +
        "engine with more cacheTokens",
    }));
    expect(() => engine.add({ prompt: [1], contextShift: true })).toThrow("may need 100 tokens");
    engine.dispose();
  });

  test("refuses more requests than may wait", async () => {
    const engine = new Engine(randomModel(), { maxSequences: 1, maxWaiting: 2 });
    const add = (): number => engine.add({ prompt: [1], maxTokens: 2 });
    add();
    add();
    expect(add).toThrow(expect.objectContaining({ name: "GenerationError", code: "queue-full" }));
    await engine.step();
    add();
    expect(add).toThrow("2 requests wait already (maxWaiting)");
    expect((await finish(engine)).filter(({ event }) => event.type === "finish")).toHaveLength(3);
    engine.dispose();
  });

  test("ends a request by its signal, where it waits and where it is written", async () => {
    const engine = new Engine(randomModel(), { maxSequences: 2 });
    const controllers = [0, 1, 2].map(() => new AbortController());
    for (const { signal } of controllers) engine.add({ prompt: [1], maxTokens: 50, temperature: 0, signal });
    await engine.step();
    controllers[0].abort();
    controllers[2].abort();
    const results = await engine.step();
    expect(results).toMatchObject([
      { request: 0, event: { type: "finish", finishReason: "aborted", tokens: [expect.any(Number)] } },
      { request: 1, event: { type: "token" } },
      { request: 2, event: { type: "finish", finishReason: "aborted", tokens: [] } },
    ]);
    expect(engine.pending).toBe(1);
    engine.dispose();
  });

  test("gives nothing more of what was removed, also while a step runs", async () => {
    const engine = new Engine(randomModel());
    for (const id of [0, 1, 2]) expect(engine.add({ prompt: prompt(3 + id), maxTokens: 4 })).toBe(id);
    engine.remove(2);
    engine.remove(2);
    engine.remove(99);
    const step = engine.step();
    engine.remove(0);
    const added = engine.add({ prompt: [1], maxTokens: 1, temperature: 0 });
    expect((await step).map(({ request }) => request)).toEqual([1]);
    const rest = await finish(engine);
    expect(new Set(rest.map(({ request }) => request))).toEqual(new Set([1, added]));
    engine.dispose();
  });

  test("a failure of one request is its alone", async () => {
    const model = randomModel();
    const failure = new Error("no grammar");
    const failing: ScoreProcessor = {
      process(scores, rows) {
        if (rows.some(({ tokens }) => tokens.length > 4)) throw failure;
        return scores;
      },
    };
    const engine = new Engine(model);
    const good = { prompt: [3, 1], maxTokens: 6, seed: 4 };
    engine.add(good);
    engine.add({ prompt: [1, 2, 3], maxTokens: 6, processors: [failing] });
    const results = await finish(engine);
    expect(results.filter(({ request }) => request === 1).map(({ event }) => event)).toEqual([
      { type: "token", id: expect.any(Number) as number, logProbability: expect.any(Number) as number },
      { type: "token", id: expect.any(Number) as number, logProbability: expect.any(Number) as number },
      { type: "error", error: failure },
    ]);
    expect(tokensOf(results, 0)).toEqual((await alone(model, good)).tokens.map(({ id }) => id));
    engine.dispose();
  });

  test("one for which there is no memory fails, and the others go on", async () => {
    const model = randomModel();
    const before = backend.memory.liveBytes;
    const engine = new Engine(model);
    const request = { maxTokens: 4, seed: 4, suppressTokens: [1] };
    engine.add({ prompt: [3, 1], ...request });
    await engine.step();
    engine.add({ prompt: prompt(90), ...request, suppressTokens: [2] });
    const allocate = backend.allocate.bind(backend);
    const failure = new Error("no memory");
    // What a step allocates first is what a request that begins needs alone: the mask of its tokens.
    backend.allocate = () => {
      backend.allocate = allocate;
      throw failure;
    };
    expect(await engine.step()).toMatchObject([{ request: 0, event: { type: "token" } }, { request: 1, event: { type: "error", error: failure } }]);
    engine.add({ prompt: [3, 1], ...request });
    const results = await finish(engine);
    const { tokens } = await alone(model, { prompt: [3, 1], ...request });
    expect(tokensOf(results, 2)).toEqual(tokens.map(({ id }) => id));
    engine.dispose();
    expect(backend.memory.liveBytes).toBe(before);
  });

  test("a step that fails changes nothing, and the next one goes on", async () => {
    const model = randomModel();
    const requests: GenerationRequest[] = [
      { prompt: prompt(30), maxTokens: 80, seed: 1, contextShift: true }, { prompt: [3], maxTokens: 6, temperature: 0, seed: 2 },
    ];
    const expected = await Promise.all(requests.map((request) => alone(model, request)));
    // Fails now in the head, behind all that was written to the cache, now where the choice is read.
    const { head } = model;
    let calls = 0;
    const forward = head.forward.bind(head);
    head.forward = (...args) => {
      if (calls++ % 3 === 0) throw new Error("the head failed");
      return forward(...args);
    };
    const read = backend.read.bind(backend);
    let reads = 0;
    backend.read = (view) => (reads++ % 4 === 0 ? Promise.reject(new Error("the read failed")) : read(view));
    const engine = new Engine(model, { stepTokens: 16 });
    const written = new Map<number, Written>(requests.map((request) => [engine.add(request), { tokens: [] }]));
    const failures: string[] = [];
    while (engine.pending > 0) {
      try {
        collect(written, await engine.step());
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    for (const [id, own] of written) {
      expect(own.finish).toBeDefined();
      expectSame(own, expected[id]);
    }
    expect(new Set(failures)).toEqual(new Set(["the head failed", "the read failed"]));
    engine.dispose();
  });

  test("runs one step at a time, and none when it was disposed of", async () => {
    const before = backend.memory.liveBuffers;
    const model = randomModel();
    const weights = backend.memory.liveBuffers;
    const engine = new Engine(model);
    engine.add({ prompt: [1], maxTokens: 5, suppressTokens: [3] });
    const step = engine.step();
    const second = engine.step();
    engine.dispose();
    engine.dispose();
    await expect(second).rejects.toMatchObject({ code: "busy" });
    expect(await step).toEqual([]);
    expect(engine.pending).toBe(0);
    await expect(engine.step()).rejects.toMatchObject({ name: "GenerationError", code: "disposed" });
    expect(() => engine.add({ prompt: [1] })).toThrow("the engine was disposed of");
    engine.remove(0);
    expect(backend.memory.liveBuffers).toBe(weights);
    model.dispose();
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test("damaged weights are an error of each request", async () => {
    const model = randomModel();
    const { weight } = model.head;
    backend.write(weight as Tensor, new Float32Array(13 * 8).fill(NaN));
    const engine = new Engine(model);
    engine.add({ prompt: [1] });
    engine.add({ prompt: [2] });
    const errors = (await engine.step()).map(({ event }) => event);
    expect(errors).toMatchObject([0, 1].map(() => ({ type: "error", error: { code: "not-a-number" } })));
    engine.dispose();
  });

  test.each<[string, string, (model: GPT) => unknown]>([
    ["invalid-option", "the model must be a GPT, not null", () => new Engine(null as unknown as GPT)],
    ["invalid-option", "maxSequences must be a whole number from 1, not 0", (model) => new Engine(model, { maxSequences: 0 })],
    ["invalid-option", "cacheTokens must be a whole number from 1, not 1.5", (model) => new Engine(model, { cacheTokens: 1.5 })],
    [
      "invalid-option", "stepTokens is 3, fewer than the 4 sequences (maxSequences) that each need one",
      (model) => new Engine(model, { maxSequences: 4, stepTokens: 3 }),
    ],
    ["invalid-option", "the request must be an object, not 3", (model) => new Engine(model).add(3 as unknown as GenerationRequest)],
    ["invalid-option", "the prompt must be a list of token ids, not undefined", (model) => new Engine(model).add({} as GenerationRequest)],
    ["empty-prompt", "the prompt has no tokens; a model continues at least one", (model) => new Engine(model).add({ prompt: [] })],
    ["prompt-too-long", "the prompt has 101 tokens", (model) => new Engine(model).add({ prompt: prompt(101) })],
    ["invalid-option", "topP must be a number above 0 and at most 1, not 2", (model) => new Engine(model).add({ prompt: [1], topP: 2 })],
  ])("refuses as %s: %s", (code, message, call) => {
    const model = randomModel();
    expect(() => call(model)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as string }));
  });
});

describe("whatever comes and goes", () => {
  const kinds: GenerationRequest[] = [
    { prompt: [1], maxTokens: 4, temperature: 0, seed: 0 },
    { prompt: prompt(60), maxTokens: 9, seed: 1, topK: 4, suppressTokens: [1, 2] },
    { prompt: prompt(20), maxTokens: 110, seed: 2, contextShift: true },
    { prompt: prompt(99), maxTokens: 30, seed: 3, processors: [noRepeats] },
    { prompt: prompt(7), maxTokens: 12, seed: 4, stopTokens: [0, 4, 7, 12], repetitionPenalty: 1.5, suppressTokens: [1, 2] },
    { prompt: [5, 6], maxTokens: 0, seed: 5 },
  ];
  const options = fc.record<EngineOptions>({
    maxSequences: fc.integer({ min: 1, max: 4 }), cacheTokens: fc.integer({ min: 60, max: 400 }),
    stepTokens: fc.integer({ min: 4, max: 60 }), maxWaiting: fc.integer({ min: 1, max: 5 }),
  });
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.record({ do: fc.constant("add" as const), kind: fc.nat(kinds.length - 1) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("step" as const), times: fc.integer({ min: 1, max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("remove" as const, "abort" as const), which: fc.nat(9) }) },
  );

  test("each request gives what it gives alone, all ends, and memory returns to its start", async () => {
    const model = randomModel();
    const singles: Written[] = [];
    for (const kind of kinds) singles.push(await alone(model, kind));
    const ends = new Set<string>();
    await fc.assert(
      fc.asyncProperty(options, fc.array(action, { minLength: 5, maxLength: 40 }), async (options, actions) => {
        const before = backend.memory.liveBytes;
        const engine = new Engine(model, options);
        const written = new Map<number, Written>();
        const requests = new Map<number, { kind: number; controller: AbortController }>();
        const open = (): number[] => [...written].filter(([, { finish }]) => !finish).map(([id]) => id);
        for (const action of actions) {
          if (action.do === "add") {
            const controller = new AbortController();
            try {
              const id = engine.add({ ...kinds[action.kind], signal: controller.signal });
              written.set(id, { tokens: [] });
              requests.set(id, { kind: action.kind, controller });
            } catch (error) {
              expect(["queue-full", "too-large"]).toContain((error as { code?: string }).code);
              ends.add((error as { code: string }).code);
            }
          } else if (action.do === "step") {
            for (let i = 0; i < action.times; i++) collect(written, await engine.step());
          } else if (open().length > 0) {
            const id = open()[action.which % open().length];
            if (action.do === "abort") requests.get(id)!.controller.abort();
            else {
              engine.remove(id);
              expectSame(written.get(id)!, singles[requests.get(id)!.kind]);
              written.delete(id);
            }
          }
          expect(engine.pending).toBe(open().length);
        }
        for (let steps = 0; engine.pending > 0; steps++) {
          expect(steps).toBeLessThan(5000);
          collect(written, await engine.step());
        }
        for (const [id, { tokens, finish }] of written) {
          const single = singles[requests.get(id)!.kind];
          ends.add(finish!.finishReason);
          expectSame({ tokens }, single);
          expect(finish!.tokens).toEqual(tokens.map(({ id }) => id));
          if (finish!.finishReason !== "aborted") expect(finish).toEqual(single.finish);
        }
        engine.dispose();
        expect(backend.memory.liveBytes).toBe(before);
      }),
      { numRuns: 40 },
    );
    expect([...ends].sort()).toEqual(["aborted", "length", "queue-full", "stop", "too-large"]);
  });
});
