import { checkArgument, numberThat, Tensor, wholeNumber } from "@gpt/tensor";
import type { Expectation } from "@gpt/tensor";
import { ModuleError } from "./errors.ts";

/** Refuses an argument that is not what is expected (`invalid-argument`). */
export function check(name: string, value: unknown, expectation: Expectation): void {
  checkArgument(name, value, expectation, (problem) => new ModuleError("invalid-argument", problem));
}

export const sizeExpected = wholeNumber(1);
/** A size of rounding or of weights. */
export const deviationExpected = numberThat("from 0", (value) => value >= 0 && value < Infinity);
export const probabilityExpected = numberThat("from 0 and below 1", (value) => value >= 0 && value < 1);

export const tensorExpected: Expectation = {
  expected: "a tensor of f32",
  accepts: (value) => value instanceof Tensor && value.dtype === "f32",
};

export const stateExpected: Expectation = {
  expected: "a Map from paths to tensors",
  accepts: (value) => value instanceof Map,
};
