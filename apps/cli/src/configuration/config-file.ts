import { Command, CommanderError } from "commander";
import { quote } from "@gpt/tensor";
import type { LineCounter } from "yaml";
import { CommandError } from "../errors.ts";
import { readTextFile } from "../files.ts";
import { ourOption } from "../foreign-names.ts";
import { checkFileValues, fileOptions } from "./file-values.ts";

/** Some thousand lines. Hostile files take the reader time that grows with the square of their size. */
const maxBytes = 2 ** 18;
/** How many faults are named at once. */
const maxFaults = 3;

/**
 * The options that a YAML or JSON file gives, by the names of their attributes: a mapping from the names of the options, and
 * maybe `command`, and the `version` that wrote it, which tells people. Throws `CommandError`, which names file, line and option.
 */
export async function readConfig(file: string, command: Command): Promise<Record<string, unknown>> {
  const { entries, lineOf } = await readMapping(file);
  const { command: name = command.name(), version: _version, ...given } = entries;
  if (name !== command.name()) throw new CommandError(`${file}:${lineOf("command")}: it is a configuration of gpt ${quote(name)}, not of gpt ${command.name()}`);
  const { values, problems } = await checkFileValues(given, command);
  if (!problems) return values;
  const inOrder = [...problems].sort((a, b) => lineOf(a.name) - lineOf(b.name));
  const faults = inOrder.map(({ name, text }) => `${file}:${lineOf(name)}: ${text ?? unknownOption(name, command)}`);
  throw new CommandError([...faults.slice(0, maxFaults), ...(faults.length > maxFaults ? [`and ${faults.length - maxFaults} more`] : [])].join("; "));
}

/** What a file maps to what, and in which line. */
interface Mapping {
  readonly entries: Readonly<Record<string, unknown>>;
  lineOf(key: string): number;
}

async function readMapping(file: string): Promise<Mapping> {
  const { isMap, isScalar, LineCounter, parseDocument, visit } = await import("yaml");
  const counter = new LineCounter();
  // What the library does about keys that are given twice takes long where there are many.
  const document = parseDocument(await readTextFile(file, "--config", maxBytes), { lineCounter: counter, prettyErrors: false, uniqueKeys: false });
  const refuse = (range: readonly [number, ...unknown[]] | null | undefined, problem: string): never => {
    throw new CommandError(`${file}:${lineAt(counter, range?.[0])}: ${problem}`);
  };
  for (const { message, pos } of [...document.errors, ...document.warnings]) refuse(pos, `this is no YAML as it is taken here: ${message.replace(/; please use .*/s, "")}`);
  visit(document, { Alias: (_, { range }) => refuse(range, "aliases (*) are not taken: write the value itself") });
  const { contents } = document;
  if (contents === null) return { entries: {}, lineOf: () => 1 };
  if (!isMap(contents)) return refuse(contents.range, "this must be options and their values, as in `steps: 100`");
  const lines = new Map<string, number>();
  const entries = contents.items.map(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : refuse(contents.range, "an option must be a name");
    const line = lineAt(counter, isScalar(key) ? key.range?.[0] : undefined);
    if (lines.has(name)) throw new CommandError(`${file}:${line}: ${quote(name)} is given in line ${lines.get(name)} already; leave one of them out`);
    lines.set(name, line);
    return [name, value?.toJS(document) ?? null] as const;
  });
  return { entries: Object.fromEntries(entries), lineOf: (name) => lines.get(name) ?? 1 };
}

function lineAt(counter: LineCounter, offset = 0): number {
  return counter.linePos(offset).line;
}

/** Says that there is no such option, and what was meant: by another program's name, or by one that is spelt alike. */
function unknownOption(name: string, command: Command): string {
  if (command.options.some((option) => option.name() === name)) return `${name} is given on the command line alone`;
  const known = [...fileOptions(command).keys()].map((name) => `--${name}`);
  const [ours, near] = [ourOption(name, known), alike(name, command)];
  const advice = ours ? `: here it is ${ours.replaceAll("--", "")}` : near ? `; did you mean ${near}?` : `; gpt ${command.name()} --help has all`;
  return `there is no option ${quote(name)}${advice}`;
}

/** The option that commander takes a name for, without its dashes. */
function alike(name: string, command: Command): string | undefined {
  const silent = new Command().exitOverride().configureOutput({ outputError: () => undefined });
  for (const option of fileOptions(command).values()) silent.addOption(option);
  try {
    silent.parse([`--${name}`], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return /Did you mean (?:one of )?--([a-z\d-]+)/.exec(error.message)?.[1];
    throw error;
  }
  return undefined;
}
