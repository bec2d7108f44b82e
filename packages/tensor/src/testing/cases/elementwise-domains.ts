import type { BinaryOp, UnaryOp } from "../../contract/index.ts";
import type { Shape } from "../../shape.ts";
import type { Input, NumberOptions } from "../inputs.ts";
import { integers, numbers } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";

/** Where random arguments lie. */
export interface Domain extends NumberOptions {
  /** Draw whole numbers, so that pairs are often equal; such ops have no gradient. */
  readonly whole?: boolean;
}

export const unaryDomains: { readonly [Op in UnaryOp]: Domain } = {
  abs: { gap: 0.1 },
  cos: {},
  erfc: {},
  exp: {},
  gelu: {},
  log: { low: 0.1, high: 3 },
  relu: { gap: 0.1 },
  rsqrt: { low: 0.1, high: 3 },
  sigmoid: {},
  sign: { gap: 0.1 },
  silu: {},
  sin: {},
  sqrt: { low: 0.1, high: 3 },
  tanh: {},
};

export const binaryDomains: { readonly [Op in BinaryOp]: Domain } = {
  add: {},
  sub: {},
  mul: {},
  div: { gap: 0.5 },
  pow: { low: 0.5 },
  maximum: {},
  minimum: {},
  equal: { whole: true },
  less: { whole: true },
};

/** Random arguments for an op. */
export function draw(domain: Domain, shape: Shape, layout: LayoutKind): Input<"f32"> {
  return domain.whole ? integers(shape, -2, 3, layout, "f32") : numbers(shape, { ...domain, layout });
}
