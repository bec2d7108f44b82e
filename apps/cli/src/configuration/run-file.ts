import { join } from "node:path";
import type { Command } from "commander";
import { publishFiles, readRegularFile } from "@gpt/formats/node";
import { quote } from "@gpt/tensor";
import packageJson from "../../package.json" with { type: "json" };
import { CommandError } from "../errors.ts";
import { checkFileValues, toFileValues } from "./file-values.ts";

const name = "run.json";
/** The longest lists of files that a command line holds take less. */
const maxBytes = 2 ** 22;

/**
 * The options that the run in a folder was started with, or undefined where there is none. Those that are missing have their
 * defaults. The file is a configuration that `--config` takes, too.
 */
export async function readRunFile(directory: string, command: Command): Promise<Record<string, unknown> | undefined> {
  const path = join(directory, name);
  const bytes = await readRegularFile(path, maxBytes);
  return bytes && parseRunFile(bytes, path, command);
}

/** Checks what a `run.json` holds. Throws what says which option is wrong, and what to do. */
export async function parseRunFile(bytes: Uint8Array, path: string, command: Command): Promise<Record<string, unknown>> {
  const file = parseObject(bytes);
  if (!file) throw new CommandError(`${path} is damaged: it holds no options; move it elsewhere and give the run's options again`);
  const { command: of = command.name(), version: _version, ...given } = file;
  if (of !== command.name()) throw new CommandError(`${path} is of a run of gpt ${of === "train" || of === "finetune" ? of : quote(of)}; resume it by that command`);
  const { values, problems } = await checkFileValues(given, command);
  if (!problems) return values;
  const unknown = problems.find(({ isUnknown }) => isUnknown);
  if (unknown) throw new CommandError(`${path} has ${quote(unknown.name)}, which this version does not know; where a newer version wrote it, update to that`);
  throw new CommandError(`${path}: ${problems[0].text}; correct it, or move the file elsewhere and give the run's options again`);
}

/** Writes the options of a run to its folder, and which version of the command it is. */
export async function writeRunFile(directory: string, command: "train" | "finetune", options: object): Promise<void> {
  const text = `${JSON.stringify({ command, version: packageJson.version, ...toFileValues(options) }, null, 2)}\n`;
  await publishFiles(directory, [{ name, chunks: [new TextEncoder().encode(text)] }]);
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
