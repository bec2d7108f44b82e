import { readFile, writeFile } from "node:fs/promises";
import { presetNames } from "@gpt/gpt";
import { expect, test } from "vitest";
import { records } from "../../test/gpt.ts";
import { tuningFolder } from "../../test/tuning.ts";
import { modelConfig } from "../training/training-options.ts";

const { at, gpt } = tuningFolder();

const sizes = ["--layers", "1", "--heads", "2", "--dim", "16", "--context", "16"];

test.each([
  ["train", ["--data", "text.txt", ...sizes, "--batch", "2", "--steps", "12", "--optimizer", "muon", "--schedule", "warmup-stable-decay", "--windows", "dense,4", "--clip", "0"],
    { preset: "nano", lr: 0.01 * Math.sqrt(128 / 16), "min-lr": 0, warmup: 1, decay: 3, "adamw-rate": 0.2, momentum: 0.95, clip: 0, windows: ["dense", 4], "eval-every": 250 }],
  ["finetune", ["--model", "base", "--task", "completion", "--data", "pairs.jsonl", "--method", "lora", "--epochs", "0.5", "--answers", "0"],
    // The adapter has more than a tenth of so small a model, whose 32 records are 4 batches of 8.
    { lr: 0.048 / 16, "min-lr": 0, batch: 8, context: 96, rank: 16, alpha: 32, steps: 2, warmup: 1, schedule: "linear", "eval-every": 4, "checkpoint-every": 4, clip: 1 }],
] as const)("gpt %s --print-config has the defaults, and begins the same run", async (command, options, expected) => {
  const out = `${command}-whole`;
  const printed = await gpt(command, ...options, "--out", out, "--print-config", "--json");
  expect(printed.status, printed.stderr).toBe(0);
  expect(records(printed)).toMatchObject([{ command, out, seed: 0, backend: "wasm", ...expected }]);
  expect(Object.keys(records(printed)[0])).not.toContain("epochs");
  const yaml = await gpt(command, ...options, "--out", out, "--print-config");
  await writeFile(at(`${command}.yaml`), yaml.stdout);
  // Nothing was begun, and what was printed is taken as it is.
  const again = await gpt(command, "--config", `${command}.yaml`, "--print-config");
  expect(again.stdout).toBe(yaml.stdout);
  expect((await gpt(command, ...options, "--out", out)).status).toBe(0);
  const run = await gpt(command, "--config", `${command}.yaml`, "--out", `${command}-again`);
  expect(run.status, run.stderr).toBe(0);
  const name = command === "train" ? "model.safetensors" : "adapter_model.safetensors";
  const [whole, repeated] = await Promise.all([out, `${command}-again`].map((folder) => readFile(at(folder, name))));
  expect(repeated.equals(whole)).toBe(true);
});

test("a number of epochs takes the place of a file's number of steps", async () => {
  await writeFile(at("steps.yaml"), "model: base\ntask: lm\ndata: text.txt\nsteps: 99\n");
  const [{ steps }] = records(await gpt("finetune", "--config", "steps.yaml", "--epochs", "1", "--print-config", "--json"));
  expect(steps).toBeLessThan(99);
});

test.each(presetNames)("%s is the same with its context given, as it is printed", (preset) => {
  const options = { data: [], tokenizer: "char", steps: 1, seed: 0, backend: "wasm", preset };
  const config = modelConfig(options, 100);
  expect(modelConfig({ ...options, context: config.contextLength }, 100)).toEqual(config);
});
