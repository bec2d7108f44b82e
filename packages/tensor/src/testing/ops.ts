import {
  abs, add, affine, cos, div, equal, erfc, exp, greater, less, log, maximum, minimum, mul, neg, pow, rsqrt, sigmoid, sign, sin,
  sqrt, sub, tanh, where,
} from "../ops/elementwise.ts";
import { gelu, relu, silu } from "../ops/activations.ts";
import { argmax, max, mean, min, sum } from "../ops/reduce.ts";

// Ops by their names. A namespace (`import * as`) from which a name is looked up would keep all ops in every bundle of a
// program that uses one of them.

export const elementwise = {
  abs, add, affine, cos, div, equal, erfc, exp, gelu, greater, less, log, maximum, minimum, mul, neg, pow, relu, rsqrt, sigmoid,
  sign, silu, sin, sqrt, sub, tanh, where,
};

export const reductions = { argmax, max, mean, min, sum };
