import type { GPT } from "@gpt/gpt";
import { quote } from "@gpt/tensor";
import type { TokenSource } from "./data/token-source.ts";
import { TrainError } from "./errors.ts";

/** Refuses what is not a whole number from `least`. */
export function checkCount(name: string, value: unknown, least: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= least) return;
  throw invalidOption(`${name} must be a whole number from ${least}, not ${quote(value)}`);
}

/** Refuses what is not a number from 0; where there is a limit, below it. */
export function checkNumber(name: string, value: unknown, below = Infinity): void {
  if (typeof value === "number" && value >= 0 && value < below) return;
  const range = below === Infinity ? "a finite number from 0" : `a number from 0 and below ${below}`;
  throw invalidOption(`${name} must be ${range}, not ${quote(value)}`);
}

/** Refuses what is not a number above 0, which may be infinite. */
export function checkPositive(name: string, value: unknown): void {
  if (typeof value === "number" && value > 0) return;
  throw invalidOption(`${name} must be a number above 0, not ${quote(value)}`);
}

/** Refuses what is neither true nor false. */
export function checkFlag(name: string, value: unknown): void {
  if (typeof value === "boolean") return;
  throw invalidOption(`${name} must be true or false, not ${quote(value)}`);
}

/** Refuses what is no function; undefined is none given. */
export function checkFunction(name: string, value: unknown): void {
  if (value === undefined || typeof value === "function") return;
  throw invalidOption(`${name} must be a function, not ${quote(value)}`);
}

/** Refuses what is no object; `form` says what it should be. */
export function checkObject(name: string, value: unknown, form: string): void {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw invalidOption(`${name} must be ${form}, not ${quote(value)}`);
}

/** Refuses an object without these methods; undefined is none given. */
export function checkMethods(name: string, value: unknown, form: string, methods: readonly string[]): void {
  if (value === undefined) return;
  checkObject(name, value, form);
  const missing = methods.find((method) => typeof (value as Record<string, unknown>)[method] !== "function");
  if (missing !== undefined) throw invalidOption(`${name} must be ${form}: it has no method ${missing}`);
}

/** Refuses what is not the path of a file or folder. */
export function checkPath(name: string, value: unknown): void {
  if (typeof value === "string" && value !== "" && !value.includes("\0")) return;
  throw invalidOption(`${name} must be the path of a file or folder, not ${quote(value)}`);
}

/** Refuses what is not a list of paths, of one at least. */
export function checkPaths(name: string, value: unknown): void {
  if (!Array.isArray(value) || value.length === 0) {
    throw invalidOption(`${name} must be a list of the paths of files, not ${quote(value)}`);
  }
  value.forEach((path, i) => checkPath(`${name}[${i}]`, path));
}

/** Refuses what is no model. */
export function checkModel(model: GPT): void {
  checkMethods("model", model ?? null, "a GPT", ["loss", "namedParameters", "namedWeights", "train", "eval"]);
}

/** Refuses what is no source of tokens. */
export function checkSource(name: string, source: TokenSource): void {
  const form = "a source of tokens, as tokensInMemory makes";
  checkMethods(name, source ?? null, form, ["read"]);
  checkCount(`${name}.length`, source.length, 0);
}

/** Refuses what cannot end a run. */
export function checkSignal(signal: unknown): void {
  checkMethods("signal", signal, "an AbortSignal", ["throwIfAborted"]);
}

export function invalidOption(problem: string): TrainError {
  return new TrainError("invalid-option", problem);
}
