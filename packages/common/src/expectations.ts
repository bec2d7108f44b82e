import { quote } from "./printable.ts";

/** What a value may be: says what is wrong with one, by its name, or nothing. */
export type Expectation = (value: unknown, name: string) => string | undefined;

/** One for each option. An option without its own does not compile. */
export type Expectations<Options> = { readonly [Name in keyof Options]-?: Expectation };

/**
 * A value that `accepts` takes, in words: what follows "must be". The annotation lets bundlers leave out constants that are
 * not used.
 */
/* @__NO_SIDE_EFFECTS__ */
export function valueThat(expected: string, accepts: (value: unknown) => boolean): Expectation {
  return (value, name) => (accepts(value) ? undefined : `${name} must be ${expected}, not ${quote(value)}`);
}

/** A number for which `holds`; `range` goes behind "a number ". */
/* @__NO_SIDE_EFFECTS__ */
export function numberThat(range: string, holds: (value: number) => boolean): Expectation {
  return valueThat(`a number ${range}`, (value) => typeof value === "number" && holds(value));
}

/** A whole number in a range. */
/* @__NO_SIDE_EFFECTS__ */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): Expectation {
  return valueThat(
    `a whole number from ${min}${max < Number.MAX_SAFE_INTEGER ? ` to ${max}` : ""}`,
    (value) => Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max,
  );
}

/** Where random numbers begin. */
export const seed = valueThat(
  "a whole number from 0 to 2^53 - 1", (value) => Number.isSafeInteger(value) && (value as number) >= 0,
);

/** A rate, a size of rounding or of weights. */
export const nonNegative = valueThat(
  "a finite number from 0", (value) => typeof value === "number" && value >= 0 && value < Infinity,
);

/** A share that is never all: a probability of dropout, a decay. */
export const belowOne = numberThat("from 0 and below 1", (value) => value >= 0 && value < 1);

export const number = valueThat("a number", (value) => typeof value === "number");

export const flag = valueThat("true or false", (value) => typeof value === "boolean");

export const text = valueThat("a text", (value) => typeof value === "string");

export const callback = valueThat("a function", (value) => typeof value === "function");

export const anything: Expectation = () => undefined;

/* @__NO_SIDE_EFFECTS__ */
export function oneOf(values: readonly string[]): Expectation {
  const names = values.map((value) => `"${value}"`).join(", ");
  return valueThat(`one of ${names}`, (value) => values.includes(value as string));
}

export const list = valueThat("a list", Array.isArray);

/** A list of such values. */
/* @__NO_SIDE_EFFECTS__ */
export function listOf(item: Expectation): Expectation {
  return (value, name) => {
    const problem = list(value, name);
    if (problem) return problem;
    for (const [i, one] of (value as unknown[]).entries()) {
      const problem = item(one, `${name}[${i}]`);
      if (problem) return problem;
    }
    return undefined;
  };
}

/** Such a value, or a list of them. */
/* @__NO_SIDE_EFFECTS__ */
export function oneOrMore(item: Expectation): Expectation {
  return (value, name) => (Array.isArray(value) ? listOf(item) : item)(value, name);
}

/** Such a value, or undefined. */
/* @__NO_SIDE_EFFECTS__ */
export function optional(expectation: Expectation): Expectation {
  return (value, name) => (value === undefined ? undefined : expectation(value, name));
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const object = valueThat("an object", isObject);

/**
 * An object with these members, of which those that end with "()" are methods: what a class or an interface promises, which
 * `expected` names.
 */
/* @__NO_SIDE_EFFECTS__ */
export function objectWith(expected: string, ...members: readonly string[]): Expectation {
  const anObject = valueThat(expected, isObject);
  return (value, name) => {
    const problem = anObject(value, name);
    if (problem) return problem;
    const missing = members.find((member) => {
      const own = (value as Record<string, unknown>)[member.replace("()", "")];
      return member.endsWith("()") ? typeof own !== "function" : own === undefined;
    });
    return missing && `${name} must be ${expected}: it has no ${missing}`;
  };
}

/** Throws by `fail` where an argument is not what is expected. */
export function checkArgument(
  name: string, value: unknown, expectation: Expectation, fail: (problem: string) => Error,
): void {
  const problem = expectation(value, name);
  if (problem) throw fail(problem);
}

/** The same for several, given as an object. */
export function checkArguments<Values extends object>(
  values: Values, expectations: { readonly [Name in keyof Values]?: Expectation }, fail: (problem: string) => Error,
): void {
  checkArgument("options", values, object, fail);
  for (const [name, expectation] of Object.entries(expectations) as [keyof Values & string, Expectation][]) {
    checkArgument(name, values[name], expectation, fail);
  }
}

/**
 * A copy of the options that were given: those that are undefined or null, as people write them where they want the
 * default, are left out, and so is what else the object has. Throws by `fail` for an option that is not what is expected.
 */
export function readOptions<Options extends object>(
  options: Options | null | undefined, expectations: Expectations<Options>, fail: (problem: string) => Error,
): { readonly [Name in keyof Options]?: Exclude<Options[Name], null | undefined> } {
  const given: Partial<Options> = {};
  if (options !== undefined && options !== null) {
    checkArgument("options", options, object, fail);
    for (const name of Object.keys(expectations) as (keyof Options & string)[]) {
      const value = options[name];
      if (value === undefined || value === null) continue;
      checkArgument(name, value, expectations[name], fail);
      given[name] = value;
    }
  }
  return given as ReturnType<typeof readOptions<Options>>;
}
