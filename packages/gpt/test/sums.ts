import type { GPT } from "../src/model.ts";

/** What tells a model from another: its parameters, and sums over its weights. */
export async function sumsOf(model: GPT): Promise<readonly [parameters: number, sums: readonly number[]]> {
  const sums: number[] = [];
  for (const [, tensor] of model.stateDict()) {
    sums.push((await tensor.data()).reduce((sum: number, value: number, i: number) => sum + value * ((i % 97) + 1), 0));
  }
  return [model.parameterCount(), sums];
}
