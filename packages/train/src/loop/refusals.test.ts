import { beforeEach, describe, expect, test } from "vitest";
import { GPT } from "@gpt/gpt";
import { tensor } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { tokensInMemory } from "../data/token-source.ts";
import type { TokenSource } from "../data/token-source.ts";
import { evaluate } from "../evaluate.ts";
import { collect, patternedData, patternedTokens, startBackend, tinyModel } from "../../test/fixtures.ts";
import type { Checkpointer, ResumePoint } from "./checkpointer.ts";
import type { TrainEvent } from "./events.ts";
import { StepLog } from "./step-log.ts";
import { train } from "./train.ts";
import type { TrainOptions } from "./options.ts";
import { doneOf, Memory, options, run } from "../../test/loop.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

describe("a run that diverges", () => {
  test("fails, names the step, and keeps what was saved before", async () => {
    const memory = new Memory();
    const model = tinyModel();
    const settings = {
      steps: 40,
      logEvery: 10,
      checkpointEvery: 5,
      checkpointer: memory,
      schedule: "constant",
    } as const;
    const events: TrainEvent[] = [];
    const diverging = async (): Promise<void> => {
      for await (const event of train(model, options(settings))) {
        events.push(event);
        if (event.step !== 10 || event.type !== "checkpoint") continue;
        // As a learning rate that is far too high would leave them.
        const weight = model.tokenEmbedding.weight as Tensor;
        backend.write(weight, new Float32Array(weight.size).fill(Infinity));
      }
    };
    await expect(diverging()).rejects.toThrowErrorMatchingInlineSnapshot(
      `[TrainError: the loss at step 11 is NaN: the training diverged; try a lower learning rate, more warm-up steps, or a smaller clip. Checkpoints from before it are kept]`,
    );
    expect(memory.states.map(({ step }) => step)).toEqual([0, 5, 10]);
    expect(events.at(-1)).toMatchObject({ type: "checkpoint", step: 10 });
    for (const { weights } of memory.states) {
      for (const weight of weights.values()) expect(weight.dataSync().every(Number.isFinite)).toBe(true);
    }
  });

  test("a gradient that is no number is found as well", async () => {
    const log = new StepLog(2, 4, backend);
    for (const norm of [1, NaN]) {
      log.addLoss(tensor(2), 1);
      log.endStep(tensor(norm));
    }
    await expect(log.read()).rejects.toMatchObject({
      code: "non-finite-loss",
      message: expect.stringContaining("the gradient norm at step 6 is NaN") as string,
    });
    log.dispose();
  });
});

describe("refuses", () => {
  test.each<[Partial<TrainOptions>, string]>([
    [{ steps: 0 }, "steps must be a whole number from 1, not 0"],
    [{ steps: 1.5 }, "steps must be a whole number from 1, not 1.5"],
    [{ batchSize: -1 }, "batchSize must be a whole number from 1, not -1"],
    [{ accumulationSteps: NaN }, "accumulationSteps must be a whole number from 1, not NaN"],
    [{ contextLength: 9 }, "contextLength 9 exceeds the model's context of 8"],
    [{ batchSize: "4" as unknown as number }, 'batchSize must be a whole number from 1, not "4"'],
    [{ batchSize: 2 ** 30 }, "batchSize 1073741824 × contextLength 8 exceeds 268435456 tokens at once"],
    [{ beta2: "0.9" as unknown as number }, 'beta2 must be a number from 0 and below 1, not "0.9"'],
    [{ epsilon: Infinity }, "epsilon must be a finite number from 0, not Infinity"],
    [{ weightDecay: true as unknown as number }, "weightDecay must be a finite number from 0, not true"],
    [{ clip: "1" as unknown as number }, 'clip must be a number from 0, or null, not "1"'],
    [{ evaluateEvery: null as unknown as number }, "evaluateEvery must be a whole number from 1, not null"],
    [{ allowChanges: "yes" as unknown as boolean }, 'allowChanges must be true or false, not "yes"'],
    [{ signal: {} as AbortSignal }, "signal must be an AbortSignal: it has no throwIfAborted()"],
    [{ checkpointer: "run" as unknown as Checkpointer }, 'checkpointer must be a checkpointer, as createRun makes, not "run"'],
    [{ resume: 3 as unknown as ResumePoint }, "resume must be a resume, as resumeRun makes, not 3"],
    [{ data: [1, 2, 3] as unknown as TrainOptions["data"] }, "data must be an object with train, a source of tokens, not a list"],
    [{ data: { train: [1, 2] as unknown as TokenSource } }, "data.train must be a source of tokens, as tokensInMemory makes, not a list"],
    [{ data: { train: { length: NaN, read: () => Promise.reject(new Error()) } } }, "data.train.length must be a whole number from 0, not NaN"],
    [{ data: { ...patternedData(), validation: {} as TokenSource } }, "data.validation must be a source of tokens"],
    [{ data: { train: { length: 50, read: async () => new Int32Array(3) } } }, "read(0, 50) gave 3 tokens; it must give an Int32Array of 50"],
    [{ data: { train: { length: 50, read: async () => new Array<number>(50) as unknown as Int32Array } } }, "read(0, 50) gave a list"],
    [{ learningRate: -1 }, "learningRate must be a finite number from 0, not -1"],
    [{ minLearningRate: 1 }, "minLearningRate 1 exceeds learningRate 0.01"],
    [{ clip: -1 }, "clip must be a number from 0, or null, not -1"],
    [{ beta1: 1 }, "beta1 must be a number from 0 and below 1, not 1"],
    [{ seed: -1 }, "seed must be a whole number from 0 to 2^53 - 1, not -1"],
    [{ schedule: "line" as "cosine" }, 'schedule must be one of "cosine", "linear", "warmup-stable-decay", "constant", not "line"'],
    [{ logEvery: 0 }, "logEvery must be a whole number from 1, not 0"],
    [{ data: { train: tokensInMemory([]) } }, "the training data has no tokens"],
    [{ data: { train: tokensInMemory(patternedTokens(8)) } }, "8 tokens, too few for one window of 8"],
    [{ data: { train: tokensInMemory(patternedTokens(9)), validation: tokensInMemory([1]) } }, "validation data has 1"],
  ])("%o", async (changes, message) => {
    const before = backend.memory.liveBuffers;
    const model = tinyModel();
    await expect(run(model, changes)).rejects.toThrow(message);
    model.dispose();
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test.each([undefined, null, {}, "gpt2"])("what is no model: %o", async (model) => {
    await expect(run(model as GPT)).rejects.toMatchObject({
      code: "invalid-option",
      message: expect.stringMatching(/^model must be a GPT/) as string,
    });
  });

  test("options that are none", async () => {
    await expect(collect(train(tinyModel(), undefined as unknown as TrainOptions))).rejects.toThrow(
      "options must be an object with steps and data, not undefined",
    );
  });

  test("a model whose weights are stored in fewer bits, which can be evaluated", async () => {
    const [model, plain] = (["int8", "f32"] as const).map((dtype) => new GPT(tinyModel().config, { dtype }));
    await expect(run(model)).rejects.toMatchObject({
      code: "invalid-option",
      message:
        "tokenEmbedding.weight is stored as int8, which cannot be trained; make or load the model with dtype f32, or train an adapter",
    });
    const { validation } = patternedData();
    expect((await evaluate(model, validation)).loss).toBeCloseTo((await evaluate(plain, validation)).loss, 2);
  });

  test("but takes windows up to the one that ends with the last token", async () => {
    const starts = new Set<number>();
    const tokens = tokensInMemory(patternedTokens(10));
    const read = (start: number, count: number): Promise<Int32Array> => {
      if (count === 9) starts.add(start);
      return tokens.read(start, count);
    };
    await run(tinyModel(), { data: { train: { length: 10, read } } });
    expect(starts).toEqual(new Set([0, 1]));
  });

  test("but takes data that hold one window", async () => {
    const events = await run(tinyModel(), { data: { train: tokensInMemory(patternedTokens(9)) } });
    expect(doneOf(events).step).toBe(12);
  });
});
