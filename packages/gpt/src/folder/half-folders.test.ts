import { decodeParts, encodeParts, useBackend } from "@gpt/tensor";
import { cpu } from "@gpt/tensor/cpu";
import { collect, memoryFolder } from "@gpt/testing/memory-folder";
import { beforeEach, describe, expect, test } from "vitest";
import { compositions, tiny } from "../../test/fixtures.ts";
import { architectures } from "../architectures/index.ts";
import { GPT } from "../model.ts";
import { loadModelFrom } from "./load.ts";
import { modelFiles } from "./save.ts";

beforeEach(async () => {
  useBackend(await cpu());
});

/** Each element as a dtype has it, by what stores packed weights. */
function rounded(values: Float32Array, dtype: "f16" | "bf16"): Float32Array {
  return decodeParts(encodeParts(dtype, 1, values.length, values));
}

describe.each(["f16", "bf16"] as const)("as %s", (dtype) => {
  test.each([["gpt2", tiny], ["gpt-typescript", compositions["blocks that differ"]]] as const)("%s is written in half the bytes, and loaded as it was rounded", async (_, options) => {
    const model = new GPT(options, { seed: 3 });
    const [whole, half] = [await collect(modelFiles(model, architectures)), await collect(modelFiles(model, architectures, { dtype }))];
    const bytes = (files: typeof whole): number => files["model.safetensors"].length;
    expect(bytes(half)).toBeLessThan(0.6 * bytes(whole) + 1000);
    const config = JSON.parse(new TextDecoder().decode(half["config.json"])) as { torch_dtype?: string };
    expect(config.torch_dtype).toBe(options === tiny ? { f16: "float16", bf16: "bfloat16" }[dtype] : undefined);
    const loaded = await loadModelFrom(memoryFolder(half, "half"), architectures);
    const expected = model.parameters().map((parameter) => rounded(parameter.dataSync(), dtype));
    loaded.parameters().forEach((parameter, i) => expect(parameter.dataSync()).toEqual(expected[i]));
  });
});

test("what f16 does not hold is refused by the tensor's name", async () => {
  const model = new GPT(tiny);
  model.backend.write(model.finalNorm!.weight, new Float32Array(8).fill(70_000));
  await expect(collect(modelFiles(model, architectures, { dtype: "f16" }))).rejects.toMatchObject({
    code: "unsupported-model", message: expect.stringContaining("ln_f.weight has 70000, beyond the 65504 that f16 holds; write it as bf16") as string,
  });
});
