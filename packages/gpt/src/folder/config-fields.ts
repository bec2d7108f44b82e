import { GPTError } from "../errors.ts";
import type { GPTErrorCode } from "../errors.ts";
import { JsonReader, quote } from "../json-reader.ts";

type Scalar = string | number | boolean;

/** The fields of a JSON object that hold a single value, where it is not null; errors name the file and the field. */
export class ConfigFields {
  readonly #file: string;
  readonly #values = new Map<string, Scalar>();

  /** Throws `invalid-file`. */
  constructor(json: Uint8Array, file: string) {
    this.#file = file;
    const reader = new JsonReader(json, file);
    reader.object((name) => {
      switch (reader.peek()) {
        case "string":
          return void this.#values.set(name, reader.string());
        case "number":
          return void this.#values.set(name, reader.number());
        case "boolean":
          return void this.#values.set(name, reader.boolean());
        default:
          return reader.skip();
      }
    });
    reader.end();
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** A text; `fallback` where the field is absent. */
  text(name: string, fallback?: string): string {
    const value = this.value(name, fallback, "a text");
    if (typeof value !== "string") throw this.wrong(name, value, "a text");
    return value;
  }

  /** Whether a field is true; `fallback` where it is absent. */
  flag(name: string, fallback?: boolean): boolean {
    const value = this.value(name, fallback, "true or false");
    if (typeof value !== "boolean") throw this.wrong(name, value, "true or false");
    return value;
  }

  /** A number; `fallback` where the field is absent. */
  number(name: string, fallback?: number): number {
    const value = this.value(name, fallback, "a number");
    if (typeof value !== "number" || !Number.isFinite(value)) throw this.wrong(name, value, "a number");
    return value;
  }

  /** A whole number from 1; `fallback` where the field is absent. */
  count(name: string, fallback?: number): number {
    const value = this.value(name, fallback, "a whole number from 1");
    if (!Number.isSafeInteger(value) || (value as number) < 1) throw this.wrong(name, value, "a whole number from 1");
    return value as number;
  }

  /** An error that begins with the file's name. */
  error(code: GPTErrorCode, problem: string): GPTError {
    return new GPTError(code, `${this.#file}: ${problem}`);
  }

  private value(name: string, fallback: Scalar | undefined, expected: string): Scalar {
    const value = this.#values.get(name) ?? fallback;
    if (value === undefined) throw this.error("invalid-file", `${name} is missing, expected ${expected}`);
    return value;
  }

  private wrong(name: string, value: Scalar, expected: string): GPTError {
    const shown = typeof value === "string" ? quote(value) : String(value);
    return this.error("invalid-file", `${name} is ${shown}, expected ${expected}`);
  }
}
