import { mistakes } from "@gpt/testing/mistakes";
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { cpu } from "./backends/cpu/index.ts";
import * as expectations from "./expectations.ts";
import * as exported from "./index.ts";

/** What checks arguments itself, or takes any value. */
const others = new Set([
  ...Object.keys(expectations), "currentBackend", "halfToFloat", "isGptError", "keep", "nextKey", "partShapes", "philoxBlock", "printable",
  "printableMessage", "quote", "startDefaultBackend",
]);
const functions = Object.entries(exported)
  .filter(([name, value]) => typeof value === "function" && /^[a-z]/.test(name) && !others.has(name))
  .map(([name, value]) => [name, value as (...args: unknown[]) => unknown] as const);

const { ones, tensor } = exported;
/** What lives on a backend, or must be made anew. */
const made: readonly (() => unknown)[] = [
  () => () => 1,
  () => ones([2, 3]),
  () => ones([3]),
  () => [ones([2])],
  () => tensor(Int32Array.from([0, 1])),
  () => {
    const freed = ones([2, 3]);
    freed.dispose();
    return freed;
  },
];
const anArgument = fc.oneof(fc.constantFrom(...mistakes.map((value) => () => value)), fc.constantFrom(...made));

beforeEach(async () => exported.useBackend(await cpu()));

test("the functions of a program are those that are called here", () => {
  expect(functions.length).toBeGreaterThan(40);
});

test.each(functions)("%s takes what it is given, or refuses it with a word and its name", (name, call) => {
  let refused = 0;
  fc.assert(
    fc.property(fc.array(anArgument, { maxLength: 5, size: "max" }), (args) => {
      try {
        exported.scope(() => call(...args.map((make) => make())) as undefined);
      } catch (error) {
        if (!exported.isGptError(error)) throw error;
        expect(error.message).toMatch(/^[^\n]{10,600}$/);
        // What a backend has to say of memory is the same whatever is called.
        if (error.code !== "out-of-memory") expect(error.message.slice(0, name.length + 1)).toBe(`${name}:`);
        refused++;
      }
    }),
    { numRuns: process.env.GPT_VERIFY ? 20_000 : 200 },
  );
  expect(refused).toBeGreaterThan(20);
});
