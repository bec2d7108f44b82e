import { checkArgument, PackedWeight, Tensor, valueThat, wholeNumber } from "@gpt/tensor";
import type { Expectation, Shape } from "@gpt/tensor";
import { ModuleError } from "./errors.ts";

/** Refuses an argument that is not what is expected (`invalid-argument`). */
export function check(name: string, value: unknown, expectation: Expectation): void {
  checkArgument(name, value, expectation, (problem) => new ModuleError("invalid-argument", problem));
}

export const sizeExpected = wholeNumber(1);

export const tensorExpected = valueThat("a tensor of f32", (value) => value instanceof Tensor && value.dtype === "f32");
export const stateExpected = valueThat("a Map from paths to tensors", (value) => value instanceof Map);

/** A weight of this shape. */
/* @__NO_SIDE_EFFECTS__ */
export function weightExpected(shape: Shape): Expectation {
  return valueThat(`a weight [${shape.join(", ")}]`, (value) => {
    const isWeight = value instanceof PackedWeight || (value instanceof Tensor && value.dtype === "f32");
    return isWeight && value.shape.join() === shape.join();
  });
}
