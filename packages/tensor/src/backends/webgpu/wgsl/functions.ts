/** Functions in WGSL that kernels share, where the built-in ones are too inexact, or say nothing of NaN. */

import { activations } from "./functions/activations.ts";
import { circular } from "./functions/circular.ts";
import type { Definitions } from "./functions/definition.ts";
import { exponentials } from "./functions/exponentials.ts";
import { numbers } from "./functions/numbers.ts";
import { sums } from "./functions/sums.ts";

const all = { ...numbers, ...sums, ...exponentials, ...circular, ...activations };

export type FunctionName = keyof typeof all;

/** A function that calls one that is not there does not compile. */
const definitions: Definitions<FunctionName> = all;

/** The definitions of some functions, and of those that they call. */
export function functions(names: readonly FunctionName[]): string {
  const wanted = new Set<FunctionName>();
  const want = (name: FunctionName): void => {
    definitions[name].uses.forEach(want);
    wanted.add(name);
  };
  names.forEach(want);
  return [...wanted].map((name) => definitions[name].code).join("\n");
}
