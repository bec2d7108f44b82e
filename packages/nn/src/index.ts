export { ModuleError } from "./errors.ts";
export type { ModuleErrorCode } from "./errors.ts";
export { Dropout, Embedding, LayerNorm, Linear } from "./layers.ts";
export type { Initialization, WeightOptions } from "./layers.ts";
export { Module } from "./module.ts";
export { construct, parameter } from "./parameter.ts";
export { RandomKeys } from "./random.ts";
