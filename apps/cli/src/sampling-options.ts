import type { Command } from "commander";
import { decimal, wholeNumber } from "./options.ts";

/** How tokens are chosen. What is left out is the model's, else the library's. */
export interface SamplingOptions {
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly seed?: number;
}

/** The description of an option that the model's `generation_config.json` decides where it is left out, else the library. */
function orTheModels(description: string, otherwise: number): string {
  return `${description}; default: the model's, else ${otherwise}`;
}

/** Adds the options of `SamplingOptions` to a command. */
export function addSamplingOptions(command: Command): Command {
  return command
    .option("--max-tokens <n>", orTheModels("how many tokens to write", 256), wholeNumber(0))
    .option("--temperature <t>", orTheModels("below 1 safer, above 1 wilder, 0 always the best token", 1), decimal())
    .option("--top-k <k>", orTheModels("choose among the k best tokens, 0 among all", 0), wholeNumber(0))
    .option("--top-p <p>", orTheModels("choose among the best tokens with this probability together", 1), decimal(0, 1))
    .option("--min-p <p>", orTheModels("choose among tokens with this fraction of the best one's probability", 0), decimal(0, 1))
    .option("--repetition-penalty <r>", orTheModels("above 1, tokens that occurred become less likely", 1), decimal())
    .option("--seed <n>", "the same seed writes the same text; default: one is drawn", wholeNumber(0));
}
