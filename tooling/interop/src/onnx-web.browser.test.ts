import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prompt, toy, toyNames } from "../../../packages/gpt/test/onnx-toys.ts";
import { difference, ourGreedy } from "./compare.ts";
import { openSite } from "./onnx-site.ts";
import type { Site } from "./onnx-site.ts";

let site: Site;
beforeAll(async () => {
  useBackend(await cpu());
  site = await openSite("wasm");
});
afterAll(() => site.close());

test.each(toyNames.flatMap((name) => (["f32", "int8"] as const).map((dtype) => ({ name, dtype }))))(
  "64 greedy ids of $name in $dtype are ours in onnxruntime-web",
  async ({ name, dtype }) => {
    const model = toy(name, dtype);
    const ours = ourGreedy(model, prompt, 64);
    const theirs = await site.greedy(model, dtype, 64);
    expect(theirs.ids).toEqual(ours.ids);
    expect(difference(theirs.logits, ours.logits)).toBeLessThan(1e-3);
  },
);
