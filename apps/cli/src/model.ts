import { join } from "node:path";
import type { Command } from "commander";
import type { GPT, ModelPlan } from "@gpt/gpt";
import type { DownloadProgress } from "@gpt/formats/hub";
import { loadModel, planModel, resolveModelDirectory } from "@gpt/gpt/node";
import { startBackend } from "./backend.ts";
import type { BackendOptions, DTypeOptions } from "./backend.ts";
import { commandName, shellWord } from "./command-name.ts";
import { CommandError } from "./errors.ts";
import { exists } from "./files.ts";
import { formatBytes, formatDuration } from "./format.ts";
import { canHold, checkMemory } from "./memory.ts";
import type { Need } from "./memory.ts";
import type { Output } from "./output.ts";
import { cutToColumns } from "./terminal-text.ts";

export interface ModelOptions extends BackendOptions, Partial<DTypeOptions> {
  readonly model: string;
  readonly stream?: boolean;
}

/** `--stream` and `--no-stream`, for commands that run models and do not train them. */
export function addStreamOptions(command: Command): Command {
  return command
    .option("--stream", "read the weights of each block when it computes; default: where the model is larger than memory")
    .option("--no-stream", "hold all weights in memory");
}

/**
 * The model that `--model` names, on the backend, with the folder that it is in. Where it cannot fit, its blocks are read when
 * they compute, unless it was said whether they are; refused where that cannot fit either.
 */
export async function openModel(
  options: ModelOptions,
  needOf: (plan: ModelPlan, streams: boolean) => Need,
  output: Output,
): Promise<{ model: GPT; directory: string }> {
  const directory = await modelDirectory(options.model, output);
  const plan = await planModel(directory, { dtype: options.dtype });
  const backend = await startBackend(options, output);
  const { dtype, stream = !canHold(backend, needOf(plan, false)) } = options;
  checkMemory(needOf(plan, stream), backend, output);
  if (stream && options.stream === undefined) {
    output.remark("the model is larger than memory, so that the weights of each block are read when it computes; a --dtype of fewer bits may fit");
  }
  const onNote = (note: string): void => output.remark(note);
  return { directory, model: await loadModel(directory, { dtype, stream, onNote }) };
}

/** The folder of the model that `--model` names, which is downloaded where it is a name on the hub; a panel shows how far. */
export async function modelDirectory(model: string, output: Output): Promise<string> {
  const directory = await resolveModelDirectory(model, downloadOptions(output));
  output.endPanel();
  return directory;
}

/** Refuses an adapter's folder where all weights of a model are to be there. */
export async function checkWholeModel(directory: string, given: string): Promise<void> {
  const [isAdapter, isModel] = await Promise.all(["adapter_config.json", "config.json"].map((name) => exists(join(directory, name))));
  if (!isAdapter || isModel) return;
  throw new CommandError(`${given} is an adapter beside a model; make one model of both before: ${commandName} convert --model ${shellWord(given)} --to hf --out DIR`);
}

/** What shows a download: what goes to `onProgress` and `onNote`. */
export function downloadOptions(output: Output): { onProgress: (progress: DownloadProgress) => void; onNote: (note: string) => void } {
  let began: { readonly at: number; readonly bytes: number } | undefined;
  const onProgress = ({ file, bytes, totalBytes }: DownloadProgress): void => {
    if (!began) output.note(`Downloading ${formatBytes(totalBytes - bytes)} from the Hugging Face hub; what has arrived is kept where this ends.`);
    began ??= { at: performance.now(), bytes };
    output.panel(({ columns }) => [cutToColumns(progressLine(file, bytes, totalBytes, began!, columns), columns - 1)]);
  };
  return { onProgress, onNote: (note) => output.remark(note) };
}

function progressLine(
  file: string, bytes: number, totalBytes: number, began: { readonly at: number; readonly bytes: number }, columns: number,
): string {
  const seconds = (performance.now() - began.at) / 1000;
  const speed = seconds > 1 ? (bytes - began.bytes) / seconds : 0;
  const rest = speed > 0 && bytes < totalBytes ? `, ${formatBytes(speed)}/s, ${formatDuration((totalBytes - bytes) / speed)} left` : "";
  const share = totalBytes === 0 ? 1 : bytes / totalBytes;
  const figures = `${formatBytes(bytes)} of ${formatBytes(totalBytes)}${rest}`;
  return `downloading ${bar(share, Math.min(24, Math.floor(columns / 4)))} ${(share * 100).toFixed(0)}%, ${figures}: ${file}`;
}

function bar(share: number, columns: number): string {
  const full = Math.round(share * columns);
  return "█".repeat(full) + "░".repeat(columns - full);
}
