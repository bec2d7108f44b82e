import { Command } from "commander";
import { streamText, streamTokens } from "@gpt/generate";
import type { FinishEvent, GeneratedText } from "@gpt/generate";
import type { GPT } from "@gpt/gpt";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { addBackendOptions, cacheDTypeOption, dtypeOption } from "../backend.ts";
import type { DType } from "../backend.ts";
import { UsageError } from "../errors.ts";
import { runningNeed } from "../memory.ts";
import { openModel } from "../model.ts";
import type { ModelOptions } from "../model.ts";
import { collect, decimal, idList, path, wholeNumber } from "../options.ts";
import { Output } from "../output.ts";
import { hasTokenizer } from "../tokenizers.ts";

interface Options extends ModelOptions {
  readonly prompt?: string;
  readonly promptIds?: number[];
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
  readonly contextShift?: boolean;
  readonly seed?: number;
  readonly modelDefaults: boolean;
  readonly cacheDtype: DType;
  readonly stop?: string[];
  readonly json?: boolean;
}

/** What was written; its text is null where there is no tokenizer. */
type Result = Omit<GeneratedText, "text"> & { readonly text: string | null };

/** The description of an option that the model's `generation_config.json` decides where it is left out, else the library. */
function orTheModels(description: string, otherwise: number): string {
  return `${description}; default: the model's, else ${otherwise}`;
}

export function generateCommand(): Command {
  const command = new Command("generate")
    .description("Write text with a model, or continue token ids")
    .requiredOption("--model <dir>", "a model's folder, or a training run's", path)
    .option("--prompt <text>", "the text to continue")
    .option("--prompt-ids <ids>", "token ids to continue, separated by commas; needs no tokenizer", idList)
    .option("--max-tokens <n>", orTheModels("how many tokens to write", 256), wholeNumber(0))
    .option("--temperature <t>", orTheModels("below 1 safer, above 1 wilder, 0 always the best token", 1), decimal())
    .option("--top-k <k>", orTheModels("choose among the k best tokens, 0 among all", 0), wholeNumber(0))
    .option("--top-p <p>", orTheModels("choose among the best tokens with this probability together", 1), decimal(0, 1))
    .option("--min-p <p>", orTheModels("choose among tokens with this fraction of the best one's probability", 0), decimal(0, 1))
    .option("--repetition-penalty <r>", orTheModels("above 1, tokens that occurred become less likely", 1), decimal())
    .option("--context-shift", "go on beyond the model's context: forget its older half each time that it is full")
    .option("--seed <n>", "the same seed writes the same text; default: one is drawn", wholeNumber(0))
    .option("--no-model-defaults", "leave out the model's own settings, those of its generation_config.json")
    .option("--stop <text>", "stop before this text; may be given several times", collect);
  return addBackendOptions(command.addOption(dtypeOption()).addOption(cacheDTypeOption()))
    .option("--json", "print one JSON object: text, tokens, promptTokens, tokensPerSecond, …")
    .addHelpText("after", '\nExample:\n  gpt generate --model runs/stories --prompt "One day" --max-tokens 100')
    .action(generate);
}

async function generate(options: Options): Promise<void> {
  if ((options.prompt === undefined) === (options.promptIds === undefined)) {
    throw new UsageError("give either --prompt or --prompt-ids");
  }
  const output = new Output(options);
  const { dtype, cacheDtype } = options;
  const { directory, model } = await openModel(options, (config) => runningNeed(config, dtype, 1, cacheDtype), output);
  const start = performance.now();
  const result = options.promptIds
    ? await continueIds(model, options.promptIds, directory, options, output)
    : await continueText(model, options.prompt ?? "", directory, options, output);
  const seconds = (performance.now() - start) / 1000;
  output.record({ ...result, tokensPerSecond: result.tokens.length / seconds });
  explain(result, model, options, output);
}

/** Says what the text does not show: that the context is full, and how to write the same again. */
function explain({ finishReason, tokens, promptTokens, seed }: Result, model: GPT, options: Options, output: Output): void {
  const { contextLength } = model.config;
  if (finishReason === "length" && !options.contextShift && promptTokens + tokens.length > contextLength) {
    output.remark(`the model's context of ${contextLength} tokens is full; --context-shift goes on beyond it`);
  }
  if (!output.json && options.seed === undefined && options.temperature !== 0) {
    output.remark(`--seed ${seed} writes the same again`);
  }
}

async function continueText(model: GPT, prompt: string, directory: string, options: Options, output: Output): Promise<Result> {
  const tokenizer = await loadTokenizer(directory);
  let text: string | undefined;
  let finish: FinishEvent | undefined;
  try {
    for await (const event of streamText(model, tokenizer, prompt, options)) {
      // Not before the first event: the prompt or an option may be refused.
      if (text === undefined) output.text(prompt);
      text = (text ?? "") + event.text;
      output.text(event.text);
      if (event.type === "finish") finish = event;
    }
  } finally {
    if (text !== undefined) output.text("\n");
  }
  return resultOf(finish as FinishEvent, text ?? "");
}

async function continueIds(model: GPT, ids: number[], directory: string, options: Options, output: Output): Promise<Result> {
  let finish: FinishEvent | undefined;
  for await (const event of streamTokens(model, ids, options)) if (event.type === "finish") finish = event;
  const { tokens } = finish as FinishEvent;
  const text = (await hasTokenizer(directory)) ? (await loadTokenizer(directory)).decode(tokens, { withoutToken: "skip" }) : null;
  output.text(`${text ?? tokens.join(",")}\n`);
  return resultOf(finish as FinishEvent, text);
}

function resultOf({ tokens, promptTokens, finishReason, seed }: FinishEvent, text: string | null): Result {
  return { text, tokens, promptTokens, finishReason, seed };
}
