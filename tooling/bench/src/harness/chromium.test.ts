import assert from "node:assert/strict";
import { test } from "node:test";
import { onSwiftShader } from "@gpt/testing/gpu";
import type { Work } from "../models/work.ts";
import { withPages } from "./chromium.ts";

const contenders = ["ours", "jax", "onnxruntime"];
const works: readonly Work[] = [
  { kind: "product", m: 8, k: 64, n: 32, transposeB: true },
  { kind: "layerNorm", rows: 4, width: 64 },
];

test("all contenders find the same in the page, and have times", { timeout: 240_000 }, async () => {
  await withPages(contenders, async (measure) => {
    for (const work of works) {
      const { adapter, times, missing } = await measure({ work, contenders, rounds: 2, milliseconds: 1 });
      assert.deepEqual(missing, []);
      assert.notEqual(adapter, "");
      assert.deepEqual(Object.keys(times), contenders);
      for (const values of Object.values(times)) assert.ok(values.length >= 2 && values.every((time) => time > 0));
    }
  });
});

test("work for a GPU is refused where there is none", { timeout: 240_000, skip: !onSwiftShader }, async () => {
  await withPages(["ours"], async (measure) => {
    const task = { work: works[1], contenders: ["ours"], rounds: 1, milliseconds: 1, needsGPU: true };
    await assert.rejects(measure(task), /Chromium found no GPU, but .*swiftshader/);
  });
});

test("a contender that cannot be bundled is missing, and the others are measured", { timeout: 240_000 }, async () => {
  const all = ["ours", "there-is-none"];
  await withPages(all, async (measure) => {
    const { times, missing } = await measure({ work: works[1], contenders: all, rounds: 1, milliseconds: 1 });
    assert.deepEqual(Object.keys(times), ["ours"]);
    assert.equal(missing.length, 1);
    assert.match(missing[0], /^there-is-none does not take part: .*resolve/);
  });
});
