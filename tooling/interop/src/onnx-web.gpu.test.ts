import { gpuFlags } from "@gpt/testing/gpu";
import { useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prompt, toy } from "../../../packages/gpt/test/onnx-toys.ts";
import { difference, ourGreedy } from "./compare.ts";
import { openSite } from "./onnx-site.ts";
import type { Site } from "./onnx-site.ts";

let site: Site;
beforeAll(async () => {
  useBackend(await cpu());
  site = await openSite("webgpu", { flags: gpuFlags });
});
afterAll(() => site.close());

test.each([{ name: "gpt2", dtype: "f32" }, { name: "gpt-oss", dtype: "int8" }] as const)(
  "12 greedy ids of $name in $dtype are ours in onnxruntime-web, on WebGPU",
  async ({ name, dtype }) => {
    const model = toy(name, dtype);
    const ours = ourGreedy(model, prompt, 12);
    const theirs = await site.greedy(model, dtype, 12);
    expect(theirs.ids).toEqual(ours.ids);
    expect(difference(theirs.logits, ours.logits)).toBeLessThan(1e-3);
  },
);
