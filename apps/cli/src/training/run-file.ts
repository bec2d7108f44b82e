import { join } from "node:path";
import { presetNames } from "@gpt/gpt";
import { publishFiles, readRegularFile } from "@gpt/formats/node";
import { quote } from "@gpt/tensor";
import { backendNames } from "../backend.ts";
import { CommandError } from "../errors.ts";
import type { RunOptions } from "./training-options.ts";

const name = "run.json";
/** The longest lists of files that a command line holds take less. */
const maxBytes = 2 ** 22;

/** What the value of an option must be. */
interface Form {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

const count = (min: number): Form => ({
  expected: `a whole number from ${min}`,
  fits: (value) => Number.isSafeInteger(value) && (value as number) >= min,
});
const decimal = (max = Number.MAX_VALUE): Form => ({
  expected: max === 1 ? "a number from 0 to 1" : "a finite number from 0",
  fits: (value) => typeof value === "number" && value >= 0 && value <= max,
});
const oneOf = (names: readonly string[]): Form => ({
  expected: `one of ${names.join(", ")}`,
  fits: (value) => names.includes(value as string),
});
const isPath = (value: unknown): boolean => typeof value === "string" && value !== "" && !value.includes("\0");
const flag: Form = { expected: "true or false", fits: (value) => typeof value === "boolean" };
const paths: Form = {
  expected: "a list of files",
  fits: (value) => Array.isArray(value) && value.length > 0 && value.every(isPath),
};

/** All options of a run: a new one does not compile without its form. */
const forms: { readonly [Name in keyof Required<RunOptions>]: Form } = {
  data: paths,
  validation: paths,
  tokenizer: { expected: "a name or a path", fits: isPath },
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
  lr: decimal(),
  minLr: decimal(),
  warmup: count(0),
  beta1: decimal(1),
  beta2: decimal(1),
  weightDecay: decimal(),
  clip: decimal(),
  evalEvery: count(1),
  checkpointEvery: count(1),
  keepCheckpoints: count(1),
  logEvery: count(1),
  seed: count(0),
  backend: oneOf(backendNames),
  threads: count(1),
};

/** The options of the run in a folder, or undefined where there is none. Those that are missing have their defaults. */
export async function readRunFile(directory: string): Promise<Partial<RunOptions> | undefined> {
  const path = join(directory, name);
  const bytes = await readRegularFile(path, maxBytes);
  return bytes && parseRunFile(bytes, path);
}

/** Checks what a `run.json` holds. Throws what says which option is wrong, and what to do. */
export function parseRunFile(bytes: Uint8Array, path: string): Partial<RunOptions> {
  const file = parseObject(bytes);
  const options = asObject(file?.options);
  if (!file || !options) {
    throw new CommandError(`${path} is damaged: it holds no options; move it elsewhere and give the run's options again`);
  }
  const unknown = [
    ...Object.keys(file).filter((field) => !["command", "options"].includes(field)),
    ...Object.keys(options).filter((option) => !Object.hasOwn(forms, option)),
  ];
  if (unknown.length > 0) {
    throw new CommandError(
      `${path} has ${quote(unknown[0])}, which this version does not know; where a newer version wrote it, update to that`,
    );
  }
  for (const [option, { expected, fits }] of Object.entries(forms)) {
    const value = options[option];
    if (value === undefined || fits(value)) continue;
    throw new CommandError(
      `${path}: ${option} must be ${expected}, not ${quote(value)}; ` +
        "correct it, or move the file elsewhere and give the run's options again",
    );
  }
  return options;
}

function parseObject(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    return undefined;
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
}

/** Writes the options of a run to its folder. */
export async function writeRunFile(directory: string, options: RunOptions): Promise<void> {
  const text = `${JSON.stringify({ command: "train", options }, null, 2)}\n`;
  await publishFiles(directory, [{ name, chunks: [new TextEncoder().encode(text)] }]);
}
