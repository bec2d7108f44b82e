import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { loadModel } from "@gpt/gpt/node";
import { wasm } from "@gpt/tensor/wasm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Agreement } from "./agreement.ts";
import { readTensors, valuesOf } from "./fixtures.ts";
import { logitsOf } from "./folders.ts";
import { findPython, script } from "./python.ts";
import { runOn } from "./run-on.ts";

describe.skipIf(!process.env.GPT_VERIFY)("models of full size with random weights, which Python wrote, on wasm", () => {
  const agreement = new Agreement("full size");
  let directory: string;
  runOn(() => wasm());
  beforeAll(async () => {
    const python = findPython();
    if (!python) throw new Error("there is no python3 with PyTorch here; GPT_PYTHON names one elsewhere");
    directory = await mkdtemp(join(tmpdir(), "gpt-full-size-"));
    await promisify(execFile)(python, [script, "--full-size", directory]);
  }, 600_000);
  afterAll(async () => {
    agreement.report();
    await rm(directory, { recursive: true });
  });

  test.each([
    ["gpt1", "gpt1", 116_534_784],
    ["gpt1-release", "gpt1", 116_534_784],
    ["gpt2", "gpt2", 124_439_808],
  ])("%s gives the logits of %s", { timeout: 600_000 }, async (folder, name, parameters) => {
    const tensors = readTensors(join(directory, `${name}.safetensors`));
    const { data: expected } = valuesOf(tensors, "logits");
    const model = await loadModel(join(directory, folder));
    expect(model.parameterCount()).toBe(parameters);
    const actual = await logitsOf(model, [Array.from(valuesOf(tensors, "ids").data)]);
    model.dispose();
    agreement.expect("logits", folder, actual, expected);
    const largest = actual.reduce((largest, logit, i) => Math.max(largest, Math.abs(logit - expected[i])), 0);
    console.log(`${folder}: no logit differs by more than ${largest.toExponential(1)}`);
    expect(largest).toBeLessThan(1e-3);
  });
});
