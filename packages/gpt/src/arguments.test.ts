import { mistakes } from "@gpt/testing/mistakes";
import { isGptError, scope, tensor, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { architectures, describeModel, GPT, KeyValueCache, loadModelFrom, modelFiles, preset, readConfig, resolveConfig } from "./index.ts";
import { idsOf, tiny } from "../test/fixtures.ts";

let model: GPT;
beforeAll(async () => {
  useBackend(await cpu());
  model = new GPT(tiny);
});

type PublicFunction = (...args: never[]) => unknown;
const calls: Readonly<Record<string, PublicFunction>> = {
  GPT: (...args: ConstructorParameters<typeof GPT>) => new GPT(...args).dispose(),
  KeyValueCache: (...args: ConstructorParameters<typeof KeyValueCache>) => new KeyValueCache(...args).dispose(),
  forward: (...args: Parameters<GPT["forward"]>) => model.forward(...args),
  loss: (...args: Parameters<GPT["loss"]>) => model.loss(...args),
  hidden: (...args: Parameters<GPT["hidden"]>) => model.hidden(...args),
  logits: (...args: Parameters<GPT["logits"]>) => model.logits(...args),
  describeModel,
  preset,
  resolveConfig,
  loadModelFrom,
  readConfig,
  modelFiles,
};

const anArgument = fc.oneof(
  fc.constantFrom(...mistakes.map((value) => () => value)),
  fc.constantFrom<(() => unknown)[]>(() => idsOf([[1, 2]]), () => tensor([1, 2]), () => model, () => model.config, () => () => 1, () => architectures),
);

test.each(Object.entries(calls))("%s takes what it is given, or refuses it with a word", async (_, call) => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anArgument, { maxLength: 4, size: "max" }), async (args) => {
      try {
        // Tensors that a call made are freed; promises are waited for outside of the scope.
        const [result] = scope(() => [[call(...(args.map((make) => make()) as never[]))].filter(isPromise)]);
        await result[0];
      } catch (error) {
        if (!isGptError(error)) throw error;
        expect(error.message).toMatch(/^[^\n]{10,600}$/);
        refused++;
      }
    }),
    { numRuns: process.env.GPT_VERIFY ? 20_000 : 200 },
  );
  expect(refused).toBeGreaterThan(20);
});

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}
