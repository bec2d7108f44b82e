import { expect, test } from "vitest";
import {
  checkArguments, flag, numberThat, objectWith, oneOf, oneOrMore, optional, readOptions, text, wholeNumber,
} from "./expectations.ts";

interface Options {
  readonly count?: number;
  readonly share?: number | null;
  readonly stop?: string | readonly string[];
  readonly on?: boolean;
}
const read = (options: unknown): object =>
  readOptions<Options>(
    options as Options,
    {
      count: wholeNumber(1, 9),
      share: numberThat("from 0 to 1", (value) => value >= 0 && value <= 1),
      stop: oneOrMore(text),
      on: flag,
    },
    (problem) => new Error(problem),
  );

test("options are copied; undefined and null leave the default", () => {
  const options = { count: 3, share: null, stop: undefined, on: false };
  expect(read(options)).toEqual({ count: 3, on: false });
  expect(options).toEqual({ count: 3, share: null, stop: undefined, on: false });
  expect(read({ count: 3, other: 4 })).toEqual({ count: 3 });
  expect(read({ stop: "a" })).toEqual({ stop: "a" });
  expect(read({ stop: ["a", "b"] })).toEqual({ stop: ["a", "b"] });
  expect([read(undefined), read(null)]).toEqual([{}, {}]);
});

test.each<[unknown, string]>([
  [{ count: 10 }, "count must be a whole number from 1 to 9, not 10"],
  [{ count: "1" }, 'count must be a whole number from 1 to 9, not "1"'],
  [{ share: NaN }, "share must be a number from 0 to 1, not NaN"],
  [{ stop: 3 }, "stop must be a text, not 3"],
  [{ stop: ["a", 3] }, "stop[1] must be a text, not 3"],
  [{ stop: new Array(2) }, "stop[0] must be a text, not undefined"],
  [{ on: 1 }, "on must be true or false, not 1"],
  [[], "options must be an object, not a list"],
  ["x", 'options must be an object, not "x"'],
])("%o is refused", (options, message) => {
  expect(() => read(options)).toThrow(message);
});

test("arguments are what is expected of each, or the first that is not is refused", () => {
  const check = (values: { signal?: unknown; format: unknown }): void =>
    checkArguments(
      values,
      { signal: optional(objectWith("an AbortSignal", "throwIfAborted()")), format: oneOf(["f32", "int8"]) },
      (problem) => new Error(problem),
    );
  check({ format: "int8" });
  check({ signal: new AbortController().signal, format: "f32" });
  expect(() => check({ signal: {}, format: 3 })).toThrow("signal must be an AbortSignal: it has no throwIfAborted()");
  expect(() => check({ signal: null, format: "f32" })).toThrow("signal must be an AbortSignal, not null");
  expect(() => check({ signal: [], format: "f32" })).toThrow("signal must be an AbortSignal, not a list");
  expect(() => check({ format: "f64" })).toThrow('format must be one of "f32", "int8", not "f64"');
  expect(() => check({ format: undefined })).toThrow('format must be one of "f32", "int8", not undefined');
});
