import type { GPT } from "@gpt/gpt";
import { checkArgument, checkArguments, objectWith, optional, wholeNumber } from "@gpt/tensor";
import type { Expectation } from "@gpt/tensor";
import type { TokenSource } from "./data/token-source.ts";
import { TrainError } from "./errors.ts";

export function invalidOption(problem: string): TrainError {
  return new TrainError("invalid-option", problem);
}

/** Refuses an argument that is not what is expected (`invalid-option`). */
export function check(name: string, value: unknown, expectation: Expectation): void {
  checkArgument(name, value, expectation, invalidOption);
}

/** The same for several, given as an object. */
export function checkAll<Values extends object>(
  values: Values, expectations: { readonly [Name in keyof Values]?: Expectation },
): void {
  checkArguments(values, expectations, invalidOption);
}

/** A number of steps, tokens or batches, of which there is one at least. */
export const count = wholeNumber(1);
export const modelExpected = objectWith("a GPT", "loss()", "namedParameters()", "namedWeights()", "train()", "eval()");
/** Refuses a model that classifies where one that writes is needed. */
export function checkWrites({ config: { head } }: GPT): void {
  if (head.type === "classes") throw invalidOption("the model gives classes, and no tokens: train it by classificationTask, or take a language model");
}

export const signalExpected = optional(objectWith("an AbortSignal", "throwIfAborted()"));
const sourceExpected = objectWith("a source of tokens, as tokensInMemory makes", "read()");

/** Refuses what is no source of tokens. */
export function checkSource(name: string, source: TokenSource): void {
  check(name, source, sourceExpected);
  check(`${name}.length`, source.length, wholeNumber(0));
}
