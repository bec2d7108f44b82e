import assert from "node:assert/strict";
import { test } from "node:test";
import { alternate } from "./alternate.ts";

/** Turns that note their order; the first time of each is 10 times the others. */
function turnsOf(times: Readonly<Record<string, number>>) {
  const order: string[] = [];
  const turns = new Map(
    Object.entries(times).map(([name, time]) => [
      name,
      async () => {
        order.push(name);
        return [order.filter((one) => one === name).length === 1 ? 10 * time : time];
      },
    ]),
  );
  return { order, turns };
}

test("contenders take turns, and the first round does not count", async () => {
  const { order, turns } = turnsOf({ a: 1, b: 2 });
  const samples = await alternate(turns, 2);
  assert.deepEqual(order, ["a", "b", "a", "b", "a", "b"]);
  assert.deepEqual(samples.get("a")?.values, [1, 1]);
  assert.deepEqual(samples.get("b")?.values, [2, 2]);
});

test("a contender that may be hopelessly slow, and is, has one turn", async () => {
  const { order, turns } = turnsOf({ a: 1, b: 100, c: 19, d: 100 });
  const samples = await alternate(turns, 1, { names: ["b", "c"], factor: 20 });
  assert.deepEqual(order, ["a", "b", "c", "d", "a", "c", "d"]);
  assert.deepEqual(samples.get("b")?.values, [1000]);
});
