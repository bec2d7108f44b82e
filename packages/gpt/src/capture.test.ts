import { beforeEach, describe, expect, test } from "vitest";
import { keep, noGrad, scope, useBackend } from "@gpt/tensor";
import type { Backend, Tensor } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { captureActivations } from "./capture.ts";
import type { HookName } from "./hooks.ts";
import { GPT } from "./model.ts";
import { architectures, idsOf, tiny } from "../test/fixtures.ts";

let backend: Backend;
beforeEach(async () => {
  backend = await cpu();
  useBackend(backend);
});

const names: readonly HookName[] = [
  "embed", "blocks.0.attention.pattern", "blocks.1.attention.output", "blocks.1.mlp.hidden", "blocks.0.residual", "residual",
  "logits",
];
const row = [1, 2, 3, 4, 5];

describe.each(Object.entries(architectures))("%s", (_, options) => {
  test.each(names)("%s is what a hook sees, without dropout", (name) => {
    const model = new GPT({ ...options, dropout: 0.5 }, { seed: 1 });
    let seen: Tensor | undefined;
    const hook = (x: Tensor): void => void (seen = keep(x.detach()));
    scope(() => noGrad(() => model.evaluating(() => void model.forward(idsOf([row]), { hooks: { [name]: hook } }))));
    const found = captureActivations(model, row, [name])[name];
    expect(found.shape).toEqual(seen?.shape);
    expect([...found.dataSync()]).toEqual([...(seen as Tensor).dataSync()]);
  });
});

test("several at once, of several sequences, with their names", () => {
  const model = new GPT(tiny);
  const found = captureActivations(model, idsOf([row, row]), ["blocks.1.attention.pattern", "logits"]);
  expect(Object.keys(found).sort()).toEqual(["blocks.1.attention.pattern", "logits"]);
  expect(found["blocks.1.attention.pattern"].shape).toEqual([2, 2, 5, 5]);
  expect(found.logits.shape).toEqual([2, 5, 13]);
  expect(captureActivations(model, row, [])).toEqual({});
});

test("results belong to the scope, and all else is freed; no tape, and every part of the model keeps its mode", () => {
  const model = new GPT({ ...tiny, dropout: 0.5 });
  model.blocks[0].eval();
  const modes = (): boolean[] => [...model.modules()].map(({ training }) => training);
  const before = { buffers: backend.memory.liveBuffers, modes: modes() };
  const count = scope(() => {
    const ids = [...row];
    const { embed, residual } = captureActivations(model, ids, ["embed", "residual"]);
    expect(residual.requiresGrad).toBe(false);
    expect(embed.dataSync()).toHaveLength(40);
    return backend.memory.liveBuffers;
  });
  expect(count).toBe(before.buffers + 2);
  expect({ buffers: backend.memory.liveBuffers, modes: modes() }).toEqual(before);

  const own = captureActivations(model, row, ["residual"]);
  own.residual.dispose();
  expect(backend.memory.liveBuffers).toBe(before.buffers);
});

test.each<[string, string, (model: GPT) => unknown]>([
  ["invalid-input", "captureActivations: model must be a GPT", () => captureActivations({} as GPT, row, [])],
  ["invalid-input", "captureActivations: ids must be a list, not", (model) => captureActivations(model, "abc" as unknown as number[], [])],
  ["invalid-input", "captureActivations: ids[1] must be a whole number from 0 to 12, not 13", (model) => captureActivations(model, [1, 13], [])],
  ["invalid-input", "captureActivations: ids[0] must be a whole number from 0 to 12, not NaN", (model) => captureActivations(model, [NaN], [])],
  ["invalid-input", "captureActivations: names must be a list, not", (model) => captureActivations(model, row, "embed" as unknown as [])],
  ["invalid-input", "ids are [1, 0]", (model) => captureActivations(model, [], ["embed"])],
  ["context-overflow", "9 tokens exceed the model's context of 8", (model) => captureActivations(model, new Array<number>(9).fill(1), ["embed"])],
  ["unknown-hook", 'there is no hook point "blocks.7.residual"', (model) => captureActivations(model, row, ["embed", "blocks.7.residual"])],
])("%s: %s", (code, message, call) => {
  const model = new GPT(tiny);
  const before = backend.memory.liveBuffers;
  expect(() => call(model)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as string }));
  expect(backend.memory.liveBuffers).toBe(before);
});

test("what was captured before a failure is freed", () => {
  const model = new GPT(tiny);
  const before = backend.memory.liveBuffers;
  model.blocks[1].forward = () => {
    throw new Error("no memory");
  };
  expect(() => captureActivations(model, row, ["embed", "blocks.0.residual"])).toThrow("no memory");
  expect(backend.memory.liveBuffers).toBe(before);
});
