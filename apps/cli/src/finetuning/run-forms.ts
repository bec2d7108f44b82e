import { weightDTypes } from "@gpt/tensor";
import { backendNames } from "../backend.ts";
import { count, decimal, flag, oneOf, path, paths, RunFile } from "../training/run-file.ts";
import type { Forms } from "../training/run-file.ts";
import { methods, tasks } from "./options.ts";
import type { FinetuneOptions } from "./options.ts";

const forms: Forms<FinetuneOptions> = {
  model: path,
  data: paths,
  validation: paths,
  validationShare: decimal(1),
  task: oneOf(tasks),
  columns: { expected: "a text", fits: (value) => typeof value === "string" },
  template: path,
  context: count(1),
  truncate: flag,
  method: oneOf(methods),
  lastBlocks: count(0),
  rank: count(1),
  alpha: decimal(),
  target: { expected: "a list of names", fits: (value) => typeof value === "string" },
  loraDropout: decimal(1),
  rslora: flag,
  dora: flag,
  pack: flag,
  classWeights: oneOf(["balanced"]),
  lmWeight: decimal(),
  beta: decimal(),
  labelSmoothing: decimal(0.499),
  epochs: decimal(),
  steps: count(1),
  batch: count(1),
  accumulate: count(1),
  checkpointBlocks: flag,
  lr: decimal(),
  minLr: decimal(),
  schedule: oneOf(["linear", "cosine", "warmup-stable-decay", "constant"]),
  warmup: count(0),
  weightDecay: decimal(),
  clip: decimal(),
  evalEvery: count(1),
  patience: count(1),
  best: flag,
  answers: count(0),
  checkpointEvery: count(1),
  keepCheckpoints: count(1),
  logEvery: count(1),
  seed: count(0),
  dtype: oneOf(weightDTypes),
  backend: oneOf(backendNames),
  threads: count(1),
};

/** The `run.json` of `gpt finetune`. */
export const finetuneFile = new RunFile("finetune", forms);
