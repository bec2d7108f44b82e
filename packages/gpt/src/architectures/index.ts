import type { Architecture } from "./architecture.ts";
import { gptTypescript } from "./gpt-typescript.ts";
import { gpt2 } from "./gpt2.ts";

/**
 * All architectures, in the order in which a model is offered to them when it is saved: the last one takes every model. A new
 * one is a file here, and a line.
 */
export const architectures = [gpt2, gptTypescript] as const satisfies readonly Architecture[];

/**
 * The kinds of model that a `config.json` names: `gpt2` is Hugging Face's, `gpt-typescript` this project's own, for what
 * the others cannot express.
 */
export type ModelType = (typeof architectures)[number]["modelType"];

/** The architecture of a `model_type`, or undefined where it is unknown. */
export function architectureOf(modelType: string): Architecture | undefined {
  return architectures.find((architecture) => architecture.modelType === modelType);
}
