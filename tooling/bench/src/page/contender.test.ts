import assert from "node:assert/strict";
import { test } from "node:test";
import type { Work } from "../models/work.ts";
import { turnOf } from "./contender.ts";

const work: Work = { kind: "softmax", rows: 2 ** 12, width: 2 ** 14 };

test("as many calls are waited for at once as their results have room", async () => {
  const asked: number[] = [];
  const run = (times: number): Promise<void> => Promise.resolve(void asked.push(times));
  const prepared = { run, result: () => Promise.resolve(new Float32Array()), dispose: () => undefined };
  const times = await turnOf(prepared, work, 0)();
  // 2^30 bytes are four results; the first call compiles.
  assert.deepEqual(asked, [1, 1, 2, 4]);
  assert.equal(times.length, 1);
});
