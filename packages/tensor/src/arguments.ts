import { TensorError } from "./errors.ts";
import { quote } from "./printable.ts";

export function argumentError(op: string, problem: string): TensorError {
  return new TensorError("invalid-argument", `${op}: ${problem}`);
}

/** Refuses a shape, axes or tensors that are no list. */
export function checkList(op: string, name: string, value: readonly unknown[]): void {
  if (!Array.isArray(value)) throw argumentError(op, `${name} must be a list, not ${quote(value)}`);
}

/** Refuses options that are no object, and those among them that are not one of the values that they may have. */
export function checkOptions<Options extends object>(
  op: string, options: Options, allowed: { readonly [Name in keyof Options]?: readonly Options[Name][] } = {},
): void {
  if (typeof options !== "object" || options === null) {
    throw argumentError(op, `options must be an object, not ${quote(options)}`);
  }
  for (const name of Object.keys(allowed) as (keyof Options & string)[]) {
    const value = options[name];
    if (value === undefined || allowed[name]?.includes(value)) continue;
    throw argumentError(op, `${name} must be one of ${allowed[name]?.join(", ")}, not ${quote(value)}`);
  }
}
