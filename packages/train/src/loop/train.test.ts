import { beforeEach, describe, expect, test } from "vitest";
import { GPT } from "@gpt/gpt";
import { add, keep, scope, tensor, useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { tokensInMemory } from "../data/token-source.ts";
import type { TokenSource } from "../data/token-source.ts";
import { evaluate } from "../evaluate.ts";
import { collect, patternedData, patternedTokens, startBackend, tinyModel } from "../../test/fixtures.ts";
import type { Checkpointer, ResumePoint, TrainingState } from "./checkpointer.ts";
import type { DoneEvent, StepEvent, TrainEvent } from "./events.ts";
import { StepLog } from "./step-log.ts";
import { train } from "./train.ts";
import type { TrainOptions } from "./train.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
});

const weights = (model: GPT): Float32Array[] => model.parameters().map((parameter) => parameter.dataSync());

function options(changes: Partial<TrainOptions> = {}): TrainOptions {
  return { data: patternedData(), steps: 12, batchSize: 4, learningRate: 0.01, ...changes };
}

function run(model: GPT, changes: Partial<TrainOptions> = {}): Promise<TrainEvent[]> {
  return collect(train(model, options(changes)));
}

const stepsOf = (events: readonly TrainEvent[]): StepEvent[] =>
  events.filter(({ type }) => type === "step") as StepEvent[];
const doneOf = (events: readonly TrainEvent[]): DoneEvent => events.at(-1) as DoneEvent;

/** Copies of weights and moments, by step: what a folder of checkpoints is on a disk. */
class Memory implements Checkpointer {
  readonly states: { step: number; weights: Map<string, Tensor>; resume: ResumePoint }[] = [];
  finished = 0;
  closed = 0;

  async save({ step, model, optimizer, record }: TrainingState): Promise<string> {
    const copy = (state: Map<string, Tensor>) =>
      new Map(Array.from(state, ([name, value]) => [name, keep(scope(() => add(value.detach(), 0)))]));
    const moments = copy(optimizer.stateDict());
    const resume = {
      step,
      record,
      loadOptimizer: async (optimizer) => optimizer.loadStateDict(moments, step),
    } as ResumePoint;
    this.states.push({ step, weights: copy(model.stateDict()), resume });
    return `memory/step-${step}`;
  }

  async finish(): Promise<string> {
    this.finished++;
    return "memory";
  }

  async close(): Promise<void> {
    this.closed++;
  }

  /** A model with the weights of the last state, as if loaded in another process, and where to go on. */
  restore(changes: Parameters<typeof tinyModel>[0]): { model: GPT; resume: ResumePoint } {
    const { weights, resume } = this.states.at(-1)!;
    const model = tinyModel(changes);
    model.loadStateDict(weights);
    return { model, resume };
  }
}

test("learns", async () => {
  const model = tinyModel({ dim: 16 });
  const { validation } = patternedData();
  const before = await evaluate(model, validation);
  const events = await run(model, { steps: 150, logEvery: 25, batchSize: 8, learningRate: 0.02 });
  const losses = stepsOf(events).map(({ loss }) => loss);
  expect(losses[0]).toBeGreaterThan(1);
  expect(losses.at(-1)).toBeLessThan(0.2);
  expect(before.loss).toBeCloseTo(Math.log(11), 0);
  expect(doneOf(events).validationLoss).toBeLessThan(0.2);
});

test("is a function of the seeds", async () => {
  const trained = async (modelSeed: number, seed: number, dropout: number): Promise<Float32Array[]> => {
    const model = tinyModel({ dropout }, modelSeed);
    await run(model, { seed });
    return weights(model);
  };
  expect(await trained(1, 2, 0.3)).toEqual(await trained(1, 2, 0.3));
  expect(await trained(1, 2, 0.3)).not.toEqual(await trained(1, 3, 0.3));
  expect(await trained(1, 2, 0.3)).not.toEqual(await trained(2, 2, 0.3));
});

test("two accumulated batches of four are one of eight, to rounding", async () => {
  const [whole, parts] = [tinyModel(), tinyModel()];
  const events = await run(whole, { batchSize: 8, logEvery: 1 });
  const accumulated = await run(parts, { batchSize: 4, accumulationSteps: 2, logEvery: 1 });
  stepsOf(events).forEach(({ loss, gradientNorm }, i) => {
    expect(stepsOf(accumulated)[i].loss).toBeCloseTo(loss, 5);
    expect(stepsOf(accumulated)[i].gradientNorm).toBeCloseTo(gradientNorm, 5);
  });
  const others = weights(parts);
  weights(whole).forEach((values, i) => values.forEach((value, k) => expect(others[i][k]).toBeCloseTo(value, 4)));
});

describe("events", () => {
  test("come in order, with all fields, and can be cloned", async () => {
    const checkpointer = new Memory();
    const settings = { steps: 10, logEvery: 4, evaluateEvery: 4, checkpointEvery: 8, warmupSteps: 2, checkpointer };
    const events = await run(tinyModel(), settings);
    expect(events.map((event) => `${event.type} ${event.step}`)).toEqual([
      "checkpoint 0",
      "step 4",
      "evaluation 4",
      "step 8",
      "evaluation 8",
      "checkpoint 8",
      "step 10",
      "checkpoint 10",
      "evaluation 10",
      "done 10",
    ]);
    const number = expect.any(Number) as number;
    expect(structuredClone(events)).toEqual(events);
    expect(events[1]).toEqual({
      type: "step",
      step: 4,
      steps: 10,
      loss: number,
      learningRate: number,
      gradientNorm: number,
      tokensPerSecond: number,
    });
    expect(events[2]).toEqual({ type: "evaluation", step: 4, loss: number, tokens: 39, complete: true });
    expect(events[5]).toEqual({ type: "checkpoint", step: 8, directory: "memory/step-8" });
    const [lastStep, , evaluation] = events.slice(-4) as [StepEvent, unknown, { loss: number }];
    expect(events.at(-1)).toEqual({
      type: "done",
      step: 10,
      interrupted: false,
      loss: lastStep.loss,
      validationLoss: evaluation.loss,
      seconds: number,
      directory: "memory",
    });
    expect(checkpointer.finished).toBe(1);
  });

  test("the loss is the mean since the last one, the rate that of the step", async () => {
    const each = stepsOf(await run(tinyModel(), { logEvery: 1, warmupSteps: 2, minLearningRate: 0.001 }));
    const some = stepsOf(await run(tinyModel(), { logEvery: 5, warmupSteps: 2, minLearningRate: 0.001 }));
    expect(some.map(({ step }) => step)).toEqual([5, 10, 12]);
    const mean = (from: number, to: number): number =>
      each.slice(from, to).reduce((sum, { loss }) => sum + loss, 0) / (to - from);
    [mean(0, 5), mean(5, 10), mean(10, 12)].forEach((loss, i) => expect(some[i].loss).toBeCloseTo(loss, 5));
    expect(some.map(({ gradientNorm }) => gradientNorm)).toEqual([4, 9, 11].map((i) => each[i].gradientNorm));
    expect(each[0].learningRate).toBeCloseTo(0.01 / 3, 12);
    expect(each[2].learningRate).toBeCloseTo(0.01, 12);
    expect(each[7].learningRate).toBeCloseTo(0.0055, 12);
  });

  test("a quick evaluation is not complete, the last one is", async () => {
    const events = await run(tinyModel(), { evaluateEvery: 6, evaluationWindows: 2 });
    expect(events.filter(({ type }) => type === "evaluation")).toMatchObject([
      { step: 6, tokens: 16, complete: false },
      { step: 12, tokens: 39, complete: true },
    ]);
  });

  test("without validation data and checkpointer there are steps alone", async () => {
    const events = await run(tinyModel(), { data: { train: patternedData().train } });
    expect(events.map(({ type }) => type)).toEqual(["step", "step", "done"]);
    expect(doneOf(events)).toMatchObject({ validationLoss: null, directory: null });
  });
});

describe("memory", () => {
  test("after a run the model's alone is left, and it no longer drops out", async () => {
    const before = backend.memory.liveBuffers;
    const model = tinyModel({ dropout: 0.1 });
    await run(model, { accumulationSteps: 2, evaluateEvery: 5 });
    expect(backend.memory.liveBuffers - before).toBe(1); // One bucket holds all parameters.
    expect(model.training).toBe(false);
    await run(model);
    expect(backend.memory.liveBuffers - before).toBe(1);
    model.dispose();
    expect(backend.memory.liveBuffers).toBe(before);
  });

  test("does not grow from step to step", async () => {
    const counts = new Set<number>();
    for await (const { type } of train(tinyModel(), options({ logEvery: 1 }))) {
      if (type !== "done") counts.add(backend.memory.liveBytes);
    }
    expect(counts.size).toBe(1);
  });

  test("is freed where there is too little of it, whenever it runs out", async () => {
    let room = Infinity;
    const small: Backend = {
      ...backend,
      allocate(byteLength) {
        if (room-- <= 0) throw new RangeError("no memory");
        return backend.allocate(byteLength);
      },
    };
    const before = backend.memory.liveBuffers;
    for (let failing = 0, done = false; !done; failing++) {
      room = Infinity;
      const model = useBackend(small, () => tinyModel());
      room = failing;
      const error: unknown = await run(model, { steps: 1 }).then(() => (done = true), (error: unknown) => error);
      if (!done) expect(error).toMatchObject({ message: "no memory" });
      model.dispose();
      expect(backend.memory.liveBuffers).toBe(before);
    }
  });

  test("is freed when the loop is left early, and when the data fail", async () => {
    const before = backend.memory.liveBuffers;
    const model = tinyModel();
    for await (const event of train(model, options({ logEvery: 1 }))) if (event.step === 3) break;
    expect(backend.memory.liveBuffers - before).toBe(1);
    const failing: TokenSource = {
      length: 100,
      read: async (_, count) => {
        if (count < 100) throw new Error("the disk is gone"); // The fingerprint reads all.
        return new Int32Array(count);
      },
    };
    await expect(run(model, { data: { train: failing } })).rejects.toThrow("the disk is gone");
    expect(backend.memory.liveBuffers - before).toBe(1);
    expect(model.parameters().every(({ grad }) => grad === undefined)).toBe(true);
  });
});

describe("a run that ends before its time", () => {
  const settings = { steps: 20, logEvery: 3, evaluateEvery: 4, accumulationSteps: 2 };
  const changes = { dropout: 0.2, attentionDropout: 0.1 };

  /** Trains and stops when `stop` says so of an event; the state is saved by the signal alone. */
  async function interrupted(stop: (event: TrainEvent) => boolean): Promise<{ memory: Memory; events: TrainEvent[] }> {
    const memory = new Memory();
    const controller = new AbortController();
    const events: TrainEvent[] = [];
    const { signal } = controller;
    for await (const event of train(tinyModel(changes), options({ ...settings, checkpointer: memory, signal }))) {
      events.push(event);
      if (stop(event)) controller.abort();
    }
    return { memory, events };
  }

  test("is saved, says so, and goes on to the very same weights", async () => {
    const whole = tinyModel(changes);
    const wholeEvents = await run(whole, settings);
    for (const at of [
      (event: TrainEvent) => event.type === "step" && event.step === 9,
      (event: TrainEvent) => event.type === "evaluation" && event.step === 16,
      (event: TrainEvent) => event.type === "checkpoint" && event.step === 0,
    ]) {
      const { memory, events } = await interrupted(at);
      const { step } = events.find(at)!;
      expect(doneOf(events)).toMatchObject({ step, interrupted: true, validationLoss: null, directory: null });
      expect(memory.states.map(({ step }) => step)).toEqual([...new Set([0, step])]);
      expect(memory.finished).toBe(0);
      const { model, resume } = memory.restore(changes);
      const rest = await run(model, { ...settings, checkpointer: memory, resume });
      expect(weights(model)).toEqual(weights(whole));
      expect(doneOf(rest).validationLoss).toBe(doneOf(wholeEvents).validationLoss);
      expect(stepsOf(rest).every((event) => event.step > step)).toBe(true);
    }
  });

  test("stops within an evaluation, and still reports and saves its last steps", async () => {
    const memory = new Memory();
    const controller = new AbortController();
    const data = patternedData();
    const validation: TokenSource = {
      length: data.validation.length,
      read: async (start, count) => {
        controller.abort();
        return data.validation.read(start, count);
      },
    };
    const events = await run(tinyModel(), {
      ...settings,
      data: { ...data, validation },
      evaluationWindows: 3,
      checkpointer: memory,
      signal: controller.signal,
    });
    expect(events.map(({ type, step }) => `${type} ${step}`)).toEqual([
      "checkpoint 0",
      "step 3",
      "evaluation 4",
      "step 4",
      "checkpoint 4",
      "done 4",
    ]);
  });

  test("makes room for the timer that ends it", async () => {
    const events = await run(tinyModel(), { ...settings, steps: 1e6, signal: AbortSignal.timeout(100) });
    expect(doneOf(events)).toMatchObject({ interrupted: true });
  });

  test("a finished run that is resumed only finishes again", async () => {
    const memory = new Memory();
    await run(tinyModel(changes), { ...settings, checkpointer: memory });
    const { model, resume } = memory.restore(changes);
    const events = await run(model, { ...settings, checkpointer: memory, resume });
    expect(events.map(({ type }) => type)).toEqual(["evaluation", "done"]);
    expect(doneOf(events)).toMatchObject({ step: 20, interrupted: false, loss: null, directory: "memory" });
    expect(memory.finished).toBe(2);
  });

  test("goes on under other conditions only where that is allowed", async () => {
    const { memory } = await interrupted(({ step }) => step === 4);
    const { model, resume } = memory.restore(changes);
    const other = { ...settings, resume, learningRate: 0.02, data: patternedData(410) };
    await expect(run(model, other)).rejects.toThrowErrorMatchingInlineSnapshot(
      `[TrainError: the run cannot be resumed as it was: learningRate was 0.01 and is 0.02; minLearningRate was 0.001 and is 0.002; data was "360-82b8859129267639" and is "369-f9597ba42eb0061f". Restore these, or allow changes (allowChanges); the result then differs from an uninterrupted run's]`,
    );
    await expect(run(tinyModel(changes, 5), { ...settings, resume })).rejects.toThrow("modelSeed was 1 and is 5");
    const moved = { ...resume, record: { ...resume.record, runtime: "Node.js 18.0.0", backend: "abacus" } };
    await expect(run(model, { ...settings, resume: moved })).rejects.toThrow(
      'backend was "abacus" and is "cpu"; runtime was',
    );
    expect(doneOf(await run(model, { ...other, allowChanges: true })).step).toBe(20);
  });
});

describe("a run that ends within its loop", () => {
  const settings = { steps: 20, logEvery: 1, accumulationSteps: 2 };
  const changes = { dropout: 0.2 };
  const bodyError = new Error("the log cannot be written");

  /** Data that fail in the second half of step 8; only whole steps count. */
  function failingData(): TrainOptions["data"] {
    const { train } = patternedData();
    let windows = 0;
    return {
      train: {
        length: train.length,
        read: async (start, count) => {
          if (count === 9 && ++windows > 7 * 8 + 6) throw new Error("the disk is gone");
          return train.read(start, count);
        },
      },
    };
  }

  const endings: Record<string, (checkpointer: Checkpointer) => Promise<unknown>> = {
    "by break": async (checkpointer) => {
      for await (const { step } of train(tinyModel(changes), options({ ...settings, checkpointer }))) if (step === 7) break;
    },
    "by an error of its body": async (checkpointer) => {
      for await (const { step } of train(tinyModel(changes), options({ ...settings, checkpointer }))) {
        if (step === 7) throw bodyError;
      }
    },
    "by return() of the generator": async (checkpointer) => {
      const events = train(tinyModel(changes), options({ ...settings, checkpointer }));
      for (let step = 0; step < 7;) step = ((await events.next()).value as TrainEvent).step;
      expect(await events.return()).toEqual({ done: true, value: undefined });
    },
    "by throw() of the generator": async (checkpointer) => {
      const events = train(tinyModel(changes), options({ ...settings, checkpointer }));
      for (let step = 0; step < 7;) step = ((await events.next()).value as TrainEvent).step;
      await events.throw(bodyError);
    },
    "by data that fail": (checkpointer) => run(tinyModel(changes), { ...settings, data: failingData(), checkpointer }),
    "by its signal": (checkpointer) => {
      const controller = new AbortController();
      const read = async (): Promise<void> => {
        const { signal } = controller;
        for await (const { step } of train(tinyModel(changes), options({ ...settings, checkpointer, signal }))) {
          if (step === 7) controller.abort();
        }
      };
      return read();
    },
  };

  test.each(Object.entries(endings))("%s is saved, and goes on to the very same weights", async (_, end) => {
    const memory = new Memory();
    const before = backend.memory.liveBuffers;
    const error: unknown = await end(memory).then(() => undefined, (error: unknown) => error);
    if (error !== undefined && error !== bodyError) expect(error).toMatchObject({ message: "the disk is gone" });
    expect(memory.states.map(({ step }) => step)).toEqual([0, 7]);
    expect(memory.closed).toBe(1);
    const copies = memory.states.length * 3 * memory.states[0].weights.size;
    expect(backend.memory.liveBuffers).toBe(before + 1 + copies); // The model, and what was saved.
    const whole = tinyModel(changes);
    await run(whole, settings);
    const { model, resume } = memory.restore(changes);
    await run(model, { ...settings, resume });
    expect(weights(model)).toEqual(weights(whole));
  });

  test("reports the failure of a save when it is left in good order, else what failed first", async () => {
    const full = Object.assign(new Memory(), {
      save: ({ step }: TrainingState) => (step === 0 ? Promise.resolve("0") : Promise.reject(new Error("no space"))),
    });
    await expect(endings["by break"](full)).rejects.toThrow("no space");
    await expect(endings["by an error of its body"](full)).rejects.toBe(bodyError);
    await expect(endings["by data that fail"](full)).rejects.toThrow("the disk is gone");
    expect(full.closed).toBe(3);
  });

  test("saves nothing of a step that failed while it changed the weights", async () => {
    const memory = new Memory();
    let kernels = { ...backend.kernels };
    const torn: Backend = { ...backend, get kernels() { return kernels; } };
    const model = useBackend(torn, () => tinyModel());
    const ends = async (): Promise<void> => {
      for await (const { step } of train(model, options({ ...settings, checkpointer: memory }))) {
        const fail = (): never => {
          throw new Error("the device is lost");
        };
        if (step === 7) kernels = { ...kernels, adamw: fail };
      }
    };
    await expect(ends()).rejects.toThrow("the device is lost");
    expect(memory.states.map(({ step }) => step)).toEqual([0]);
  });

  test("lets go of where it saves, even where it does not begin", async () => {
    const memory = new Memory();
    await expect(run(tinyModel(), { steps: 0, checkpointer: memory })).rejects.toThrow("steps must be");
    await expect(run(tinyModel(), { data: undefined, checkpointer: memory })).rejects.toThrow("data must be");
    expect(memory.closed).toBe(2);
  });
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
    [{ schedule: "linear" as "cosine" }, 'schedule must be one of "cosine", "constant", not "linear"'],
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
        "tokenEmbedding.weight is stored as int8, which cannot be trained; make or load the model with dtype f32",
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

test("clips gradients to the norm that is asked for, or not at all", async () => {
  // With β = 0 and a large ε a step is nearly −rate · gradient / ε, so that its length shows the clipping.
  const moved = async (clip: number | null): Promise<number> => {
    const model = tinyModel();
    const before = weights(model);
    const settings = {
      beta1: 0,
      beta2: 0,
      epsilon: 1e4,
      weightDecay: 0,
      learningRate: 1,
      schedule: "constant",
    } as const;
    await run(model, { ...settings, steps: 1, clip });
    const after = weights(model);
    return Math.hypot(...before.flatMap((values, i) => Array.from(values, (value, k) => after[i][k] - value))) * 1e4;
  };
  const events = await run(tinyModel(), { steps: 1 });
  const [{ gradientNorm }] = stepsOf(events);
  expect(await moved(null)).toBeCloseTo(gradientNorm, 2);
  expect(await moved(0)).toBe(await moved(null));
  expect(await moved(gradientNorm / 4)).toBeCloseTo(gradientNorm / 4, 2);
  expect(await moved(gradientNorm * 2)).toBeCloseTo(gradientNorm, 2);
});

test("runs on the model's backend, whichever is chosen now", async () => {
  const model = tinyModel();
  useBackend(await cpu());
  const used = backend.memory.liveBuffers;
  expect(doneOf(await run(model)).step).toBe(12);
  expect(backend.memory.liveBuffers).toBeLessThanOrEqual(used);
});
