import { presetNames } from "@gpt/gpt";
import { backendNames } from "../backend.ts";
import { count, decimal, flag, oneOf, path, paths, RunFile } from "./run-file.ts";
import type { Forms } from "./run-file.ts";
import { optimizers, schedules } from "./training-options.ts";
import type { RunOptions } from "./training-options.ts";

const forms: Forms<RunOptions> = {
  data: paths,
  validation: paths,
  from: path,
  tokenizer: path,
  vocabSize: count(1),
  preset: oneOf(presetNames),
  layers: count(1),
  heads: count(1),
  dim: count(1),
  context: count(1),
  positions: oneOf(["learned", "sinusoidal"]),
  norm: oneOf(["pre", "post"]),
  windows: {
    expected: "a list of numbers from 1, or null",
    fits: (value) => Array.isArray(value) && value.length > 0 && value.every((window) => window === null || count(1).fits(window)),
  },
  untiedHead: flag,
  initialStd: decimal(),
  dropout: decimal(1),
  balanceLoss: decimal(),
  balanceTogether: flag,
  zLoss: decimal(),
  steps: count(1),
  batch: count(1),
  accumulate: count(1),
  checkpointBlocks: flag,
  optimizer: oneOf(optimizers),
  momentum: decimal(1),
  adamwRate: decimal(),
  schedule: oneOf(schedules),
  decay: count(1),
  lr: decimal(),
  minLr: decimal(),
  warmup: count(0),
  beta1: decimal(1),
  beta2: decimal(1),
  weightDecay: decimal(),
  clip: decimal(),
  evalEvery: count(1),
  patience: count(1),
  best: flag,
  checkpointEvery: count(1),
  keepCheckpoints: count(1),
  logEvery: count(1),
  seed: count(0),
  backend: oneOf(backendNames),
  threads: count(1),
};

/** The `run.json` of `gpt train`. */
export const trainFile = new RunFile("train", forms);
