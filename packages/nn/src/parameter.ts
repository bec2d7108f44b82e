import { callback, keep, zeros } from "@gpt/tensor";
import type { CreateOptions, Shape, Tensor, Weight } from "@gpt/tensor";
import { check, tensorExpected } from "./checks.ts";
import type { Module } from "./module.ts";

/** The weights that the innermost running `construct` has to free should it fail. */
let constructed: Weight[] | undefined;

/**
 * Makes a tensor a parameter: it collects a gradient, and belongs to its module instead of the scope in which it was
 * made.
 */
export function parameter(values: Tensor): Tensor {
  check("parameter: the values", values, tensorExpected);
  values.requiresGrad = true;
  return keep(owned(values));
}

/** Enters a weight that belongs to the module that is being made. */
export function owned<W extends Weight>(weight: W): W {
  constructed?.push(weight);
  return weight;
}

/**
 * Makes modules, all or none: where memory runs out on the way, the weights that were made before are freed. For
 * constructors, whose half-made module nobody could dispose of.
 */
export function construct<T>(make: () => T): T {
  check("construct", make, callback);
  const outer = constructed;
  const own: Weight[] = [];
  constructed = own;
  try {
    const modules = make();
    outer?.push(...own);
    return modules;
  } catch (error) {
    for (const weight of own) weight.dispose();
    throw error;
  } finally {
    constructed = outer;
  }
}

/** A parameter of zeros. */
export function zeroParameter(shape: Shape, options?: CreateOptions<"f32">): Tensor {
  return parameter(zeros(shape, options));
}

/** How many of a module's numbers are trained: those of parameters that collect a gradient. */
export function trainableParameters(module: Module): number {
  return module.parameters().reduce((count, { requiresGrad, size }) => count + (requiresGrad ? size : 0), 0);
}
