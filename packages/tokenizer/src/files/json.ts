import { TokenizerError } from "../errors.ts";
import { passOn, quote, showName } from "../messages.ts";
import { wellFormed } from "../unicode/text.ts";

/** UTF-16 units; the largest files in use have about 40 million. */
export const longestFile = 2 ** 27;
const maxDepth = 32;

/** A file's text, and its name or path for messages. */
export interface TextFile {
  readonly text: string;
  readonly name: string;
}

interface Field {
  readonly field: string;
}

interface Entry {
  readonly entry: string | number;
}

/** A value in a file of JSON, with its place for messages. */
export class JsonValue {
  readonly value: unknown;
  readonly #file: string;
  readonly #parent: JsonValue | undefined;
  /** Where the value is in its parent: a field, or an entry of a dictionary or an array. */
  readonly #key: Field | Entry;

  private constructor(value: unknown, file: string, parent?: JsonValue, key: Field | Entry = { field: "" }) {
    this.value = value;
    this.#file = file;
    this.#parent = parent;
    this.#key = key;
  }

  /** Throws `invalid-file` for text that is no JSON, or too long, or nested too deeply. */
  static parse({ text, name }: TextFile): JsonValue {
    checkLength({ text, name });
    checkDepth({ text, name });
    try {
      return new JsonValue(JSON.parse(text), name);
    } catch (cause) {
      throw new TokenizerError("invalid-file", `${showName(name)} is not valid JSON: ${passOn((cause as Error).message)}`, { cause });
    }
  }

  /** Whether the value is null or missing. */
  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  get isObject(): boolean {
    return typeof this.value === "object" && this.value !== null && !Array.isArray(this.value);
  }

  /** The value of a key of an object; absent where the key is. */
  get(key: string): JsonValue {
    const entries = this.#record();
    return this.#child(Object.hasOwn(entries, key) ? entries[key] : undefined, { field: key });
  }

  /** Keys and values of an object. */
  *entries(): Generator<[key: string, value: JsonValue]> {
    for (const [key, value] of Object.entries(this.#record())) {
      yield [key, this.#child(value, { entry: key })];
    }
  }

  /** The items of an array. */
  *items(): Generator<JsonValue> {
    if (!Array.isArray(this.value)) throw this.invalid("is not an array");
    for (let i = 0; i < this.value.length; i++) yield this.#child(this.value[i], { entry: i });
  }

  /** A string of whole characters. */
  string(): string {
    if (typeof this.value !== "string") throw this.invalid("is not a string");
    if (wellFormed(this.value) !== this.value) throw this.invalid("has half of a surrogate pair");
    return this.value;
  }

  /** A whole number from 0 to below `limit`. */
  index(limit: number): number {
    const { value } = this;
    if (typeof value !== "number" || !Number.isInteger(value)) throw this.invalid("is not a whole number");
    if (value < 0 || value >= limit) throw this.invalid(`is ${value}; it must be from 0 to ${limit - 1}`);
    return value;
  }

  /** Whether the value is true; where it is absent, `absent`. */
  boolean(absent?: boolean): boolean {
    if (this.isAbsent && absent !== undefined) return absent;
    if (typeof this.value !== "boolean") throw this.invalid("is neither true nor false");
    return this.value;
  }

  /** Throws `unsupported-file` unless the value is absent or one of those given. */
  expect(...values: readonly unknown[]): void {
    if (!this.isAbsent && !values.includes(this.value)) throw this.unsupported(`is ${quote(this.value)}`);
  }

  /** An error for a file that is wrong. */
  invalid(problem: string): TokenizerError {
    return new TokenizerError("invalid-file", this.#message(problem));
  }

  /** An error for a file that may be right but asks for what this package does not do. */
  unsupported(problem: string): TokenizerError {
    return new TokenizerError("unsupported-file", `${this.#message(problem)}, which is not supported`);
  }

  #message(problem: string): string {
    return `${showName(this.#file)}: ${this.#path() || "the value"} ${problem}`;
  }

  /** `model.vocab["the"]`: made for messages alone, since there are many values. */
  #path(): string {
    if (!this.#parent) return "";
    const parent = this.#parent.#path();
    if ("entry" in this.#key) return `${parent}[${quote(this.#key.entry)}]`;
    return parent === "" ? this.#key.field : `${parent}.${this.#key.field}`;
  }

  #child(value: unknown, key: Field | Entry): JsonValue {
    return new JsonValue(value, this.#file, this, key);
  }

  #record(): Record<string, unknown> {
    if (!this.isObject) throw this.invalid("is not an object");
    return this.value as Record<string, unknown>;
  }
}

/** Throws `invalid-file` for a text that is too long to be a tokenizer. */
export function checkLength({ text, name }: TextFile): void {
  if (text.length > longestFile) {
    throw new TokenizerError(
      "invalid-file",
      `${showName(name)} has ${text.length} characters; no tokenizer needs more than ${longestFile}`,
    );
  }
}

/** Looks at brackets outside of strings. Done first, so that no deep value is ever built. */
function checkDepth({ text, name }: TextFile): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = stringEnd(text, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > maxDepth)
          throw new TokenizerError("invalid-file", `${showName(name)}: values are nested more than ${maxDepth} deep`);
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
      default:
    }
  }
}

/** The position of the quotation mark that ends a string, or the end of the text. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === 0x22) return at;
    if (unit === 0x5c) at++;
  }
  return text.length;
}
