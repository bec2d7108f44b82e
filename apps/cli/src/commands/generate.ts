import { Command, Option } from "commander";
import { streamText, streamTokens } from "@gpt/generate";
import type { FinishEvent, GeneratedText } from "@gpt/generate";
import type { GPT } from "@gpt/gpt";
import { isGptError } from "@gpt/tensor";
import type { CacheDType } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { addBackendOptions, cacheDTypeOption, dtypeOption } from "../backend.ts";
import { CommandError } from "../errors.ts";
import { runningNeed } from "../memory.ts";
import { addStreamOptions, openModel } from "../model.ts";
import type { ModelOptions } from "../model.ts";
import { collect, idList, path, wholeNumber } from "../options.ts";
import { Output } from "../output.ts";
import { addSamplingOptions } from "../sampling-options.ts";
import type { SamplingOptions } from "../sampling-options.ts";
import { readStandardInput } from "../standard-input.ts";
import { hasTokenizer } from "../tokenizers.ts";

interface Options extends ModelOptions, SamplingOptions {
  readonly prompt?: string;
  readonly promptIds?: number[];
  readonly numSamples: number;
  readonly contextShift?: boolean;
  readonly modelDefaults: boolean;
  readonly cacheDtype: CacheDType;
  readonly stop?: string[];
  readonly json?: boolean;
}

/** As in nanoGPT, between two texts. */
const betweenSamples = "---------------\n";

/** What was written; its text is null where there is no tokenizer. */
type Result = Omit<GeneratedText, "text"> & { readonly text: string | null };

export function generateCommand(): Command {
  const command = new Command("generate")
    .description("Write text with a model, or continue token ids")
    .requiredOption("--model <dir>", "a model's folder, a training run's, or OWNER/NAME on the Hugging Face hub", path)
    .option("--prompt <text>", "the text to continue; - reads it from standard input; default: the beginning of a text")
    .addOption(
      new Option("--prompt-ids <ids>", "token ids to continue, separated by commas; needs no tokenizer")
        .argParser(idList)
        .conflicts("prompt"),
    )
    .option("--num-samples <n>", "how many texts to write, each with the seed behind the last one's", wholeNumber(1), 1);
  addSamplingOptions(command)
    .option("--context-shift", "go on beyond the model's context: forget its older half each time that it is full")
    .option("--no-model-defaults", "leave out the model's own settings, those of its generation_config.json")
    .option("--stop <text>", "stop before this text; may be given several times", collect);
  return addBackendOptions(addStreamOptions(command.addOption(dtypeOption()).addOption(cacheDTypeOption())))
    .option("--json", "print one JSON object for each text: text, tokens, promptTokens, tokensPerSecond, …")
    .addHelpText(
      "after",
      '\nExamples:\n  gpt generate --model runs/stories --prompt "One day" --max-tokens 100' +
        "\n  gpt generate --model openai-community/gpt2 --num-samples 3",
    )
    .action(generate);
}

async function generate(options: Options): Promise<void> {
  const output = new Output(options);
  const { cacheDtype, prompt = "", promptIds, numSamples } = options;
  const text = prompt === "-" ? await readStandardInput() : prompt;
  const { directory, model } = await openModel(options, ({ config, dtypes }, streams) => runningNeed(config, dtypes, 1, cacheDtype, streams), output);
  const tokenizer = (await hasTokenizer(directory)) ? await loadTokenizer(directory) : undefined;
  if (!tokenizer && !promptIds) throw new CommandError(`${directory} has no tokenizer: give --prompt-ids`);
  let { seed } = options;
  let first: Result | undefined;
  for (let sample = 0; sample < numSamples; sample++) {
    if (sample > 0) output.text(betweenSamples);
    const began = performance.now();
    const settings = { ...options, seed };
    const result = promptIds
      ? await continueIds(model, tokenizer, promptIds, settings, output)
      : await continueText(model, tokenizer!, text, settings, output);
    const seconds = (performance.now() - began) / 1000;
    output.record({ ...result, tokensPerSecond: result.tokens.length / seconds });
    first ??= result;
    seed = result.seed + 1;
  }
  explain(first!, model, options, output);
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

async function continueText(
  model: GPT,
  tokenizer: Tokenizer,
  prompt: string,
  options: Options,
  output: Output,
): Promise<Result> {
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
  } catch (error) {
    if (!(isGptError(error) && error.code === "empty-prompt")) throw error;
    throw new CommandError("the model names no token that begins a text: give --prompt", { cause: error });
  } finally {
    if (text !== undefined) output.text("\n");
  }
  return resultOf(finish as FinishEvent, text ?? "");
}

async function continueIds(
  model: GPT,
  tokenizer: Tokenizer | undefined,
  ids: number[],
  options: Options,
  output: Output,
): Promise<Result> {
  let finish: FinishEvent | undefined;
  for await (const event of streamTokens(model, ids, options)) if (event.type === "finish") finish = event;
  const { tokens } = finish as FinishEvent;
  const text = tokenizer?.decode(tokens, { withoutToken: "skip" }) ?? null;
  output.text(`${text ?? tokens.join(",")}\n`);
  return resultOf(finish as FinishEvent, text);
}

function resultOf({ tokens, promptTokens, finishReason, seed }: FinishEvent, text: string | null): Result {
  return { text, tokens, promptTokens, finishReason, seed };
}
