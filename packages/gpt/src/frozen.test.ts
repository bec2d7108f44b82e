import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openFolder } from "@gpt/formats/node";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { beforeEach, describe, expect, test } from "vitest";
import { frozenFolder, frozenModels, lastLogits, measure } from "../test/frozen.ts";
import type { FrozenModel } from "../test/frozen.ts";
import { loadModelFrom } from "./folder/load.ts";
import { architectures as known } from "./architectures/index.ts";

/** What the first version computed, which drew and added in this order: see test/frozen/README.md. */
const { models, folders } = JSON.parse(readFileSync(join(frozenFolder, "numbers.json"), "utf8")) as {
  readonly models: Readonly<Record<string, FrozenModel>>;
  readonly folders: Readonly<Record<string, readonly number[]>>;
};

beforeEach(async () => {
  useBackend(await cpu());
});

/** To the digits that were written, which is less than what another order of draws would change. */
function expectClose(actual: readonly number[], expected: readonly number[], what: string): void {
  expect(actual.length, what).toBe(expected.length);
  actual.forEach((value, i) => expect(Math.abs(value - expected[i]), what).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected[i]))));
}

test("the numbers are those of the models of the tests", () => {
  expect(Object.keys(models)).toEqual(Object.keys(frozenModels));
});

describe("a seed makes the model that it always made", () => {
  test.each(Object.entries(models))("%s", async (name, expected) => {
    const actual = await measure(name);
    expect(Object.keys(actual.weights)).toEqual(Object.keys(expected.weights)); // In this order they lie in AdamW's bucket.
    for (const [path, numbers] of Object.entries(expected.weights)) expectClose(actual.weights[path], numbers, path);
    expectClose(actual.losses, expected.losses, "losses");
    expect(actual.ids).toEqual(expected.ids);
  });
});

describe("a folder of the first version is read", () => {
  test.each(Object.entries(folders))("%s", async (name, logits) => {
    const model = await loadModelFrom(openFolder(join(frozenFolder, name)), known);
    expectClose(lastLogits(model), logits, name);
    expect(model.generation).toEqual({ stopTokens: [3], temperature: 0.5 });
  });
});
