import { quote } from "@gpt/tensor";
import { GPTError } from "../errors.ts";
import type { GPTErrorCode } from "../errors.ts";
import { JsonReader } from "@gpt/formats";
import type { JsonKind } from "@gpt/formats";

/** A value as the file has it. */
interface Field {
  readonly kind: JsonKind;
  /** Its JSON. */
  readonly json: string;
}

/** The most numbers of a list that is read. */
const longestList = 10_000;

/**
 * The fields of a file that holds a JSON object. A field has its default where it is absent; any other value, null
 * included, must be what is asked for. Errors (`invalid-file`) name the file and the field.
 */
export class ConfigFields {
  readonly file: string;
  readonly #fields = new Map<string, Field>();
  /** What stands before the names of fields in messages: the object that has them, if it lies within another. */
  readonly #path: string;

  /** Throws `invalid-file`. */
  constructor(json: Uint8Array, file: string, path = "") {
    this.file = file;
    this.#path = path;
    const reader = new JsonReader(json, file);
    reader.object((name) => {
      const kind = reader.peek();
      this.#fields.set(name, { kind, json: reader.raw() });
    });
    reader.end();
  }

  get names(): string[] {
    return [...this.#fields.keys()];
  }

  /** Whether the file has the field, and not as null. */
  has(name: string): boolean {
    return (this.#fields.get(name)?.kind ?? "null") !== "null";
  }

  /** The field's JSON, or undefined where it is absent. */
  json(name: string): string | undefined {
    return this.#fields.get(name)?.json;
  }

  text(name: string, fallback?: string): string {
    return this.read(name, fallback, "a text", (value) => typeof value === "string");
  }

  flag(name: string, fallback?: boolean): boolean {
    return this.read(name, fallback, "true or false", (value) => typeof value === "boolean");
  }

  /** A number in a range; `expected` says which. */
  number(name: string, fallback?: number, expected = "a number", accepts: (value: number) => boolean = Number.isFinite): number {
    return this.read(name, fallback, expected, (value) => Number.isFinite(value) && accepts(value as number));
  }

  /** A whole number from `min`. */
  count(name: string, fallback?: number, min = 1): number {
    const expected = `a whole number from ${min}`;
    return this.number(name, fallback, expected, (value) => Number.isSafeInteger(value) && value >= min);
  }

  /** Token ids: one, or a list of some. */
  ids(name: string): number[] {
    const isId = Number.isSafeInteger; // Some folders have −1, which no token has.
    const value = this.read<number | number[]>(
      name, undefined, `a token id or a list of at most ${longestList}`,
      (value) => isId(value) || (Array.isArray(value) && value.length <= longestList && value.every(isId)),
    );
    return typeof value === "number" ? [value] : value;
  }

  /** A list of texts. */
  texts(name: string): string[] {
    return this.read<string[]>(
      name, undefined, `a list of at most ${longestList} texts`,
      (value) => Array.isArray(value) && value.length <= longestList && value.every((item) => typeof item === "string"),
    );
  }

  /** The fields of an object. */
  object(name: string): ConfigFields {
    this.read(name, undefined, "an object", (value) => typeof value === "object" && value !== null && !Array.isArray(value));
    return new ConfigFields(new TextEncoder().encode(this.json(name)), this.file, `${this.#path}${name}.`);
  }

  /** An error that begins with the file's name. */
  error(code: GPTErrorCode, problem: string): GPTError {
    return new GPTError(code, `${this.file}: ${problem}`);
  }

  private read<T>(name: string, fallback: T | undefined, expected: string, accepts: (value: unknown) => boolean): T {
    const field = this.#fields.get(name);
    if (!field) {
      if (fallback !== undefined) return fallback;
      throw this.error("invalid-file", `${this.#path}${name} is missing, expected ${expected}`);
    }
    const value: unknown = JSON.parse(field.json);
    if (accepts(value)) return value as T;
    throw this.error("invalid-file", `${this.#path}${name} is ${shown(field)}, expected ${expected}`);
  }
}

/** A value as messages show it. */
export function shown({ kind, json }: Field): string {
  if (kind === "object" || kind === "array") return `an ${kind}`;
  return kind === "string" ? quote(JSON.parse(json) as string) : String(JSON.parse(json));
}
