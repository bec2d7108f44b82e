import { scope, tensor, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { wasm } from "@gpt/tensor/wasm";
import { describe, expect, test } from "vitest";
import { GPT } from "./model.ts";
import { preset } from "./presets.ts";
import { expertLoads, Routing } from "./routing.ts";
import { tiny } from "../test/fixtures.ts";
import { describeRouting } from "../test/routing.ts";

describeRouting("cpu", () => cpu());
describeRouting("wasm", () => wasm({ threads: 1 }));

describe("what is no use of routers", () => {
  test.each<[string, (model: GPT, dense: GPT) => unknown]>([
    ["Routing: the model has no experts", (_, dense) => new Routing(dense)],
    ["Routing: model must be a GPT", () => new Routing({} as GPT)],
    ["Routing: no pass went through blocks.0.mlp.router", (model) => new Routing(model).losses()],
    ["Routing: no pass went through blocks.0.mlp.router", (model) => new Routing(model).loads()],
    ["Routing: balanceLoss must be a finite number from 0, not -1", (model) => new Routing(model).losses({ balanceLoss: -1 })],
    [
      "Routing: balanceTogether must be true or false, not 1",
      (model) => new Routing(model).losses({ balanceTogether: 1 as unknown as boolean }),
    ],
    ["Routing: zLoss must be a finite number from 0, not NaN", (model) => new Routing(model).losses({ zLoss: NaN })],
    ["Routing: the model has no experts", (_, dense) => expertLoads(dense, [1])],
    ["captureActivations: ids[0] must be a whole number from 0 to 12, not 13", (model) => expertLoads(model, [13])],
  ])("%s", async (message, call) => {
    const backend = await cpu();
    useBackend(backend);
    const [model, dense] = [new GPT(preset("moe-nano", { vocabSize: 13 })), new GPT(tiny)];
    const before = backend.memory.liveBuffers;
    const error = { code: "invalid-input", message: expect.stringContaining(message) as string };
    await expect(new Promise((resolve) => resolve(call(model, dense)))).rejects.toMatchObject(error);
    expect(backend.memory.liveBuffers).toBe(before);
  });
});

test("it knows the last pass, and frees the one before; disposed it knows none", async () => {
  const backend = await cpu();
  useBackend(backend);
  const model = new GPT(preset("moe-nano", { vocabSize: 13 }));
  const before = backend.memory.liveBuffers;
  const routing = new Routing(model);
  const pass = (ids: number[]): number[] => scope(() => {
    model.forward(tensor(Int32Array.from(ids), { shape: [1, ids.length] }), { hooks: routing.hooks });
    return Array.from(routing.loads()[0].dataSync());
  });
  const [first, after] = [pass([1, 2, 3, 4]), backend.memory.liveBuffers];
  pass([5, 6, 7]);
  expect(pass([1, 2, 3, 4])).toEqual(first);
  expect(backend.memory.liveBuffers).toBe(after);
  routing.dispose();
  expect(backend.memory.liveBuffers).toBe(before);
  expect(() => routing.loads()).toThrow("no pass went through");
});
