import { quote } from "./printable.ts";

/** What a value may be: in words, for messages, and as a test. */
export interface Expectation {
  readonly expected: string;
  accepts(value: unknown): boolean;
  /** What of its items a list has. */
  readonly item?: Expectation;
}

/** One for each option. An option without its own does not compile. */
export type Expectations<Options> = { readonly [Name in keyof Options]-?: Expectation };

function expectation(expected: string, accepts: (value: unknown) => boolean): Expectation {
  return { expected, accepts };
}

/** A whole number in a range. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): Expectation {
  const end = most === Number.MAX_SAFE_INTEGER ? "" : ` to ${most}`;
  return expectation(
    `a whole number from ${least}${end}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  );
}

/** Where random numbers begin. */
export const seed = expectation(
  "a whole number from 0 to 2^53 - 1",
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
);

/** A number for which `holds`; `range` goes behind "a number ". */
export function numberThat(range: string, holds: (value: number) => boolean): Expectation {
  return expectation(`a number ${range}`, (value) => typeof value === "number" && holds(value));
}

export const flag = expectation("true or false", (value) => typeof value === "boolean");

export const text = expectation("a text", (value) => typeof value === "string");

export const callback = expectation("a function", (value) => typeof value === "function");

export const anything = expectation("anything", () => true);

export function oneOf(values: readonly string[]): Expectation {
  const names = values.map((value) => JSON.stringify(value)).join(", ");
  return expectation(`one of ${names}`, (value) => typeof value === "string" && values.includes(value));
}

/** A list of such values. */
export function listOf(item: Expectation): Expectation {
  return { expected: "a list", accepts: (value) => Array.isArray(value) && value.every(item.accepts), item };
}

export function either(first: Expectation, second: Expectation): Expectation {
  return {
    expected: `${first.expected}, or ${second.expected}`,
    accepts: (value) => first.accepts(value) || second.accepts(value),
    item: first.item ?? second.item,
  };
}

/** An object with these properties that are objects or functions: what a class or an interface promises. */
export function objectWith(name: string, ...members: readonly string[]): Expectation {
  return expectation(name, (value) => {
    if (typeof value !== "object" || value === null) return false;
    return members.every((member) => member in value);
  });
}

/** Throws by `fail` where an argument is not what is expected. */
export function checkArgument(
  name: string, value: unknown, { expected, accepts, item }: Expectation, fail: (problem: string) => Error,
): void {
  if (accepts(value)) return;
  if (item && Array.isArray(value)) {
    const at = value.findIndex((one) => !item.accepts(one));
    checkArgument(`${name}[${at}]`, value[at], item, fail);
  }
  throw fail(`${name} must be ${expected}, not ${quote(value)}`);
}

/**
 * A copy of the options that were given: those that are undefined or null, as people write them where they want the
 * default, are left out, and so is what else the object has. Throws by `fail` for an option that is not what is expected.
 */
export function readOptions<Options extends object>(
  options: Options | null | undefined, expectations: Expectations<Options>, fail: (problem: string) => Error,
): { readonly [Name in keyof Options]?: Exclude<Options[Name], null | undefined> } {
  if (options === undefined || options === null) return {};
  if (typeof options !== "object" || Array.isArray(options)) {
    throw fail(`options must be an object, not ${quote(options)}`);
  }
  const given: Partial<Options> = {};
  for (const name of Object.keys(expectations) as (keyof Options & string)[]) {
    const value = options[name];
    if (value === undefined || value === null) continue;
    checkArgument(name, value, expectations[name], fail);
    given[name] = value;
  }
  return given as ReturnType<typeof readOptions<Options>>;
}
