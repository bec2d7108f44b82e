import { quote } from "@gpt/tensor";
import type { GGUFMetadata, GGUFValue } from "@gpt/formats/gguf";
import { GPTError } from "../errors.ts";
import type { GPTErrorCode } from "../errors.ts";

/** Metadata of a model that say nothing that numbers depend on, or what is known from its tensors, by what follows the architecture. */
const withoutMeaning: ReadonlySet<string> = new Set(["vocab_size", "tensor_data_layout"]);

/**
 * What a GGUF file says of its model, by keys without their first part, the architecture. Values are numbers of any width;
 * those of f32 are the shortest decimals that stand for them. Errors name the file and the key.
 */
export class GGUFFields {
  readonly file: string;
  readonly architecture: string;
  readonly #metadata: GGUFMetadata;
  readonly #asked = new Set<string>();

  /** Throws `invalid-file`. */
  constructor(metadata: GGUFMetadata, file: string) {
    this.file = file;
    this.#metadata = metadata;
    this.architecture = this.#general("general.architecture");
  }

  #general(key: string): string {
    const value = this.#metadata.get(key);
    if (value?.type === "string") return value.value;
    throw this.error("invalid-file", `it says no ${key}: it holds no model`);
  }

  has(name: string): boolean {
    return this.#valueOf(name) !== undefined;
  }

  /** A whole number from 1. */
  count(name: string, fallback?: number): number {
    return this.number(name, fallback, "a whole number from 1", (value) => Number.isSafeInteger(value) && value >= 1);
  }

  number(name: string, fallback?: number, expected = "a number above 0", accepts = (value: number): boolean => value > 0 && value < Infinity): number {
    const value = this.#valueOf(name);
    if (value === undefined && fallback !== undefined) return fallback;
    const number = value && numberOf(value);
    if (number !== undefined && accepts(number)) return number;
    throw this.#unexpected(name, value, expected);
  }

  text(name: string, fallback: string): string {
    const value = this.#valueOf(name);
    if (value === undefined) return fallback;
    if (value.type === "string") return value.value;
    throw this.#unexpected(name, value, "a text");
  }

  /** Refuses keys of the architecture that nothing has asked for: they may change what the model computes. */
  refuseOthers(): void {
    const prefix = `${this.architecture}.`;
    const names = Array.from(this.#metadata.keys()).filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    const other = names.find((name) => !this.#asked.has(name) && !withoutMeaning.has(name));
    if (other !== undefined) throw this.error("unsupported-model", `${quote(prefix + other)} is not supported`);
  }

  /** An error that begins with the file's name. */
  error(code: GPTErrorCode, problem: string): GPTError {
    return new GPTError(code, `${this.file}: ${problem}`);
  }

  #valueOf(name: string): GGUFValue | undefined {
    this.#asked.add(name);
    return this.#metadata.get(`${this.architecture}.${name}`);
  }

  #unexpected(name: string, value: GGUFValue | undefined, expected: string): GPTError {
    const found = value === undefined ? "missing" : value.type === "array" ? "a list" : quote(value.value);
    return this.error("invalid-file", `${quote(`${this.architecture}.${name}`)} is ${found}, expected ${expected}`);
  }
}

/** The number that a value is, if it is one. */
export function numberOf({ type, value }: GGUFValue): number | undefined {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "number") return undefined;
  return type === "f32" ? shortest(value) : value;
}

/** The shortest decimal of which an f32 is the nearest: 0.00001, and not 0.000009999999747. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const decimal = Number(value.toPrecision(digits));
    if (Math.fround(decimal) === value) return decimal;
  }
  return value;
}
