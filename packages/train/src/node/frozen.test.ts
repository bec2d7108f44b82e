import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { collect, startBackend, tinyModel } from "../../test/fixtures.ts";
import { frozenFolder, frozenModels, frozenSettings, summaryOf } from "../../test/frozen.ts";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { train } from "../loop/train.ts";
import { resumeRun } from "./run-folder.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);
beforeEach(async () => {
  await startBackend();
});

/** What became of a run in the first version: see test/frozen/README.md. */
async function numbersOf(name: string) {
  const numbers = JSON.parse(await readFile(join(frozenFolder, "numbers.json"), "utf8")) as Record<
    string, { losses: number[]; weights: Record<string, [number, number]> }
  >;
  return numbers[name];
}

const lossesOf = (events: Awaited<ReturnType<typeof collect>>): number[] =>
  events.flatMap((event) => (event.type === "step" ? [event.loss] : []));

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected[i]))));
}

test.each(Object.keys(frozenModels))("a run of the first version goes on as it would have: %s", async (name) => {
  const directory = await temporary.folder();
  await cp(join(frozenFolder, name), directory, { recursive: true });
  const { model, ...rest } = await resumeRun(directory);
  const events = await collect(train(model, { ...frozenSettings, ...rest, allowChanges: true }));
  const expected = await numbersOf(name);
  expectClose(lossesOf(events), expected.losses.slice(4));
  const weights = await summaryOf(model);
  expect(Object.keys(weights)).toEqual(Object.keys(expected.weights));
  for (const [path, numbers] of Object.entries(expected.weights)) expectClose(weights[path], numbers);
});

test.each(Object.entries(frozenModels))("the same run, begun now, takes the same course: %s", async (name, changes) => {
  const model = tinyModel(changes, 5);
  const events = await collect(train(model, frozenSettings));
  expectClose(lossesOf(events), (await numbersOf(name)).losses);
});
