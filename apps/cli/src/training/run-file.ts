import { join } from "node:path";
import { publishFiles, readRegularFile } from "@gpt/formats/node";
import { quote } from "@gpt/tensor";
import { CommandError } from "../errors.ts";

const name = "run.json";
/** The longest lists of files that a command line holds take less. */
const maxBytes = 2 ** 22;

/** What the value of an option must be. */
export interface Form {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

export const count = (min: number): Form => ({
  expected: `a whole number from ${min}`,
  fits: (value) => Number.isSafeInteger(value) && (value as number) >= min,
});
export const decimal = (max = Number.MAX_VALUE): Form => ({
  expected: max === 1 ? "a number from 0 to 1" : "a finite number from 0",
  fits: (value) => typeof value === "number" && value >= 0 && value <= max,
});
export const oneOf = (names: readonly string[]): Form => ({
  expected: `one of ${names.join(", ")}`,
  fits: (value) => names.includes(value as string),
});
const isPath = (value: unknown): boolean => typeof value === "string" && value !== "" && !value.includes("\0");
export const flag: Form = { expected: "true or false", fits: (value) => typeof value === "boolean" };
export const path: Form = { expected: "a name or a path", fits: isPath };
export const paths: Form = {
  expected: "a list of files",
  fits: (value) => Array.isArray(value) && value.length > 0 && value.every(isPath),
};

/** The form of each option of a command: a new one does not compile without. */
export type Forms<Options> = { readonly [Name in keyof Required<Options>]: Form };

/** The file in a run's folder that holds the options that it was started with. */
export class RunFile<Options extends object> {
  readonly #command: string;
  readonly #forms: Forms<Options>;

  constructor(command: string, forms: Forms<Options>) {
    this.#command = command;
    this.#forms = forms;
  }

  /** The options of the run in a folder, or undefined where there is none. Those that are missing have their defaults. */
  async read(directory: string): Promise<Partial<Options> | undefined> {
    const path = join(directory, name);
    const bytes = await readRegularFile(path, maxBytes);
    return bytes && this.parse(bytes, path);
  }

  /** Checks what a `run.json` holds. Throws what says which option is wrong, and what to do. */
  parse(bytes: Uint8Array, path: string): Partial<Options> {
    const file = parseObject(bytes);
    const options = asObject(file?.options);
    if (!file || !options) {
      throw new CommandError(`${path} is damaged: it holds no options; move it elsewhere and give the run's options again`);
    }
    const { command = this.#command } = file;
    if (command !== this.#command && (command === "train" || command === "finetune")) {
      throw new CommandError(`${path} is of a run of gpt ${command}; resume it by that command`);
    }
    const unknown = [
      ...Object.keys(file).filter((field) => !["command", "options"].includes(field)),
      ...Object.keys(options).filter((option) => !Object.hasOwn(this.#forms, option)),
    ];
    if (unknown.length > 0) {
      throw new CommandError(
        `${path} has ${quote(unknown[0])}, which this version does not know; where a newer version wrote it, update to that`,
      );
    }
    for (const [option, { expected, fits }] of Object.entries<Form>(this.#forms)) {
      const value = options[option];
      if (value === undefined || fits(value)) continue;
      throw new CommandError(
        `${path}: ${option} must be ${expected}, not ${quote(value)}; ` +
          "correct it, or move the file elsewhere and give the run's options again",
      );
    }
    return options as Partial<Options>;
  }

  /** Writes the options of a run to its folder. */
  async write(directory: string, options: Options): Promise<void> {
    const text = `${JSON.stringify({ command: this.#command, options }, null, 2)}\n`;
    await publishFiles(directory, [{ name, chunks: [new TextEncoder().encode(text)] }]);
  }
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
