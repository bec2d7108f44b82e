import { TensorError } from "./errors.ts";
import { checkArgument, checkArguments, list } from "./expectations.ts";
import type { Expectation } from "./expectations.ts";

export function argumentError(op: string, problem: string): TensorError {
  return new TensorError("invalid-argument", `${op}: ${problem}`);
}

/** Refuses an argument of an op that is not what is expected. */
export function check(op: string, name: string, value: unknown, expectation: Expectation): void {
  checkArgument(name, value, expectation, (problem) => argumentError(op, problem));
}

/** Refuses a shape, axes or tensors that are no list. */
export function checkList(op: string, name: string, value: readonly unknown[]): void {
  check(op, name, value, list);
}

/** Refuses options that are no object, and those among them that are not what is expected. */
export function checkOptions<Options extends object>(
  op: string, options: Options, expectations: { readonly [Name in keyof Options]?: Expectation } = {},
): void {
  checkArguments(options, expectations, (problem) => argumentError(op, problem));
}
