import { beforeEach, describe, expect, test } from "vitest";
import { useBackend } from "@gpt/tensor";
import type { Backend } from "@gpt/tensor";
import type { TokenSource } from "../data/token-source.ts";
import { patternedData, startBackend, tinyModel } from "../../test/fixtures.ts";
import type { Checkpointer, TrainingState } from "./checkpointer.ts";
import type { TrainEvent } from "./events.ts";
import { train } from "./train.ts";
import type { TrainOptions } from "./options.ts";
import { doneOf, Memory, options, run, stepsOf, weights } from "../../test/loop.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await startBackend();
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
    await expect(run(tinyModel(), { data: undefined, checkpointer: memory })).rejects.toThrow("data is missing");
    expect(memory.closed).toBe(2);
  });
});
