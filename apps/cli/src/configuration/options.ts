import type { Command } from "commander";
import { path } from "../options.ts";
import { readConfig } from "./config-file.ts";
import { fileOptions } from "./file-values.ts";
import { readRunFile } from "./run-file.ts";

/** Adds `--config`, whose options are the command's where its line does not give them, and `--print-config`. */
export function addConfigOptions(command: Command): Command {
  return command
    .option("--config <file>", "options from a YAML or JSON file, by the names here; those of the command line override it", path)
    .option("--print-config", "print the options of the run, with what they are by default here, as such a file, and do nothing else")
    .hook("preAction", async () => {
      const { config } = command.opts<{ config?: string }>();
      if (config === undefined) return;
      const given = await readConfig(config, command);
      for (const [name, value] of Object.entries(override(given, givenOptions(command)))) command.setOptionValueWithSource(name, value, "config");
    });
}

/** The options of a run that were given, on the command line or in a file. */
function givenOptions(command: Command): Record<string, unknown> {
  return optionsFrom(command, (source) => source === "cli" || source === "config");
}

function optionsFrom(command: Command, isWanted: (source: string | undefined) => boolean): Record<string, unknown> {
  const names = [...fileOptions(command).values()].map((option) => option.attributeName());
  const wanted = names.filter((name) => isWanted(command.getOptionValueSource(name)));
  return Object.fromEntries(wanted.map((name) => [name, command.getOptionValue(name) as unknown]));
}

/** Options with others in their place. Of epochs and steps, and of data to validate on and a share, one takes the place of the other. */
function override(options: Readonly<Record<string, unknown>>, others: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const replaced = [["epochs", "steps"], ["validation", "validationShare"]].flatMap(([one, other]) => [
    ...(one in others ? [other] : []),
    ...(other in others ? [one] : []),
  ]);
  return { ...Object.fromEntries(Object.entries(options).filter(([name]) => !replaced.includes(name))), ...others };
}

/** The options of a run, and where they come from, by the names of their attributes. */
export interface ResolvedOptions {
  /** Those given, in place of those before, in place of the defaults; in the order of the command's help. */
  readonly options: object;
  readonly given: object;
  /** Where a run is resumed, those that it was started with. */
  readonly before: object | undefined;
}

/** The options of a run in a folder. */
export async function runOptions(command: Command, out: string, resume: boolean): Promise<ResolvedOptions> {
  const before = resume ? await readRunFile(out, command) : undefined;
  const given = givenOptions(command);
  const all = { ...optionsFrom(command, (source) => source === "default"), ...override(before ?? {}, given) };
  const names = [...fileOptions(command).values()].map((option) => option.attributeName());
  const ofRun = names.filter((name) => name !== "out" && all[name] !== undefined);
  return { options: Object.fromEntries(ofRun.map((name) => [name, all[name]])), given, before };
}
