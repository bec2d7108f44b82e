import { InvalidArgumentError } from "commander";
import type { Command, Option } from "commander";
import { quote } from "@gpt/tensor";
import type { ZodType } from "zod";
import { kebab } from "../foreign-names.ts";

/** Options of one command line, and not of a run. */
const neverInFiles = new Set(["config", "print-config", "resume", "allow-changes", "show-samples", "json", "experimental-revectorize"]);

/** The options of a command that a file may give, by their names there: those of the command line without the dashes. */
export function fileOptions({ options }: Command): Map<string, Option> {
  return new Map(options.flatMap((option) => (neverInFiles.has(option.name()) ? [] : [[option.name(), option]])));
}

/** What is wrong with a file that gives options. */
export interface Problem {
  /** The option; of one that is unknown, the name that the file has. */
  readonly name: string;
  readonly isUnknown: boolean;
  /** What its value is and what it must be. Of an unknown option undefined. */
  readonly text: string | undefined;
}

/** Options as a command has them, by the names of their attributes, or what is wrong with the file. */
export type FileValues =
  | { readonly values: Record<string, unknown>; readonly problems?: undefined }
  | { readonly values?: undefined; readonly problems: readonly Problem[] };

/**
 * Checks what a file gives as the options of a command. A value is checked by the parser that its option has on the command
 * line, so that both take the same.
 */
export async function checkFileValues(given: Readonly<Record<string, unknown>>, command: Command): Promise<FileValues> {
  const { z } = await import("zod");
  const options = fileOptions(command);
  const scalar = z.union([z.string(), z.number(), z.boolean()]);
  const error = ({ input }: { readonly input?: unknown }): string =>
    input === null ? "give it one, or leave it out" : `expected ${Array.isArray(input) ? "texts or numbers alone" : "a text, a finite number, or a list"}`;
  const schemaOf = (option: Option): ZodType => {
    if (option.isBoolean()) return z.boolean("expected true or false");
    return z.union([scalar, z.array(scalar).min(1, "expected a list that is not empty")], { error }).transform((value, context) => {
      try {
        return valueOf(option, value);
      } catch (error) {
        if (!(error instanceof InvalidArgumentError)) throw error;
        context.addIssue(error.message.replace(/^[A-Z]/, (letter) => letter.toLowerCase()).replace(/\.$/, ""));
        return z.NEVER;
      }
    });
  };
  const schema = z.strictObject(Object.fromEntries([...options].map(([name, option]) => [name, schemaOf(option).optional()])));
  const result = schema.safeParse(given);
  if (result.success) return { values: Object.fromEntries(Object.entries(result.data).map(([name, value]) => [options.get(name)!.attributeName(), value])) };
  const problems = result.error.issues.flatMap((issue): Problem[] => {
    if (issue.code === "unrecognized_keys") return issue.keys.map((name) => ({ name, isUnknown: true, text: undefined }));
    const name = String(issue.path[0]);
    return [{ name, isUnknown: false, text: `${name} ${given[name] === null ? "has no value" : `cannot be ${quote(given[name])}`}: ${issue.message}` }];
  });
  return { problems };
}

type Scalar = string | number | boolean;

/** What an option makes of a value, or a list of values, of a file. Throws `InvalidArgumentError`. */
function valueOf(option: Option, given: Scalar | readonly Scalar[]): unknown {
  const parse = (text: string, previous?: unknown): unknown => option.parseArg?.(text, previous) ?? text;
  if (option.variadic) return [given].flat().reduce<unknown>((previous, item) => parse(textOf(item), previous), undefined);
  const value = parse(String(given));
  // A number in quotes is a text, and a name of digits without quotes a number: what is said is what is meant.
  if (kindOf(value) !== kindOf(given)) throw new InvalidArgumentError(`Expected ${kindOf(value)}.`);
  return value;
}

function textOf(item: Scalar): string {
  if (typeof item === "string") return item;
  throw new InvalidArgumentError(`Expected texts, and ${item} without quotes is none.`);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return { string: "a text, in quotes", number: "a number, without quotes" }[typeof value as string] ?? "true or false";
}

/** Options as a file has them: what was not given is left out. */
export function toFileValues(options: object): Record<string, unknown> {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  // Blocks without a window are `dense`, as on the command line.
  const written = (value: unknown): unknown => (Array.isArray(value) ? value.map((item: unknown) => item ?? "dense") : value);
  return Object.fromEntries(given.map(([name, value]) => [kebab(name), written(value)]));
}
