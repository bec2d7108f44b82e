import type { Command } from "commander";
import type { TrainOptions, TrainSettings } from "@gpt/train";
import type { Output } from "../output.ts";
import { fileOptions, toFileValues } from "./file-values.ts";

/** The options, by the names of their attributes, that stand for the settings of a run and for how often it saves and measures. */
export function optionsOf(
  { batchSize, contextLength, accumulationSteps, learningRate, minLearningRate, warmupSteps, decaySteps, clip, epsilon: _epsilon, ...same }: TrainSettings,
  { evaluateEvery, checkpointEvery }: TrainOptions,
): object {
  return {
    ...same,
    batch: batchSize, context: contextLength, accumulate: accumulationSteps,
    lr: learningRate, minLr: minLearningRate, warmup: warmupSteps, decay: decaySteps,
    clip: clip ?? 0,
    evalEvery: evaluateEvery, checkpointEvery,
  };
}

/** Prints options as a file has them that `--config` takes, in the order of the command's help: YAML, or JSON for programs. */
export async function printConfig(options: object, command: Command, output: Output): Promise<void> {
  const values = toFileValues(options);
  const known = [...fileOptions(command).keys()].filter((name) => name in values);
  const config = { command: command.name(), ...Object.fromEntries(known.map((name) => [name, values[name]])) };
  if (output.json) return output.record(config);
  const { stringify } = await import("yaml");
  output.text(stringify(config));
}
