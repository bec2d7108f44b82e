import { Command } from "commander";
import type { ModelPlan } from "@gpt/gpt";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { evaluate } from "@gpt/train";
import type { OnEvaluated } from "@gpt/train";
import { bitsPerByte } from "@gpt/train/metrics";
import { addBackendOptions, dtypeOption } from "../backend.ts";
import { findTextFiles, openTokens } from "../data.ts";
import { CommandError, UsageError } from "../errors.ts";
import { evaluateTask } from "../finetuning/evaluate-task.ts";
import { addTaskOptions, checkUse } from "../finetuning/options.ts";
import type { TaskOptions } from "../finetuning/options.ts";
import { formatCount } from "../format.ts";
import { formatRows } from "../info/rows.ts";
import { interruptible } from "../interruption.ts";
import { runningNeed } from "../memory.ts";
import type { Need } from "../memory.ts";
import { addStreamOptions, openModel } from "../model.ts";
import type { ModelOptions } from "../model.ts";
import { path, paths, wholeNumber } from "../options.ts";
import { Output } from "../output.ts";
import { hasTokenizer } from "../tokenizers.ts";

interface Options extends ModelOptions, Partial<TaskOptions> {
  readonly data: string[];
  readonly answers: number;
  readonly batch?: number;
  readonly stride?: number;
  readonly json?: boolean;
}

export function evalCommand(): Command {
  const command = new Command("eval")
    .description("Measure how well a model predicts a text (loss and perplexity), or does a task")
    .requiredOption("--model <dir>", "a model's folder, a training run's, or OWNER/NAME on the Hugging Face hub", path)
    .requiredOption("--data <files...>", "text files, or files of token ids that end in .bin; patterns and folders too", paths)
    .option("--answers <n>", "completion, chat: answers that are written and compared", wholeNumber(0), 100)
    .option("--stride <n>", "tokens that a window moves at a time: fewer than --context give each more context, and take longer; default: --context", wholeNumber(1))
    .option("--batch <n>", "sequences to compute at once; default: as many as make 1,024 tokens", wholeNumber(1));
  return addBackendOptions(addStreamOptions(addTaskOptions(command).addOption(dtypeOption())))
    .option("--json", "print one JSON object: loss, perplexity, bitsPerByte, tokens, bytes; with --task what it measures")
    .addHelpText(
      "after",
      "\nExamples:\n  gpt eval --model runs/stories --data book.txt" +
        "\n  gpt eval --model openai-community/gpt2 --data book.txt --stride 512" +
        "\n  gpt eval --model runs/reviews --task classify --data test.csv",
    )
    .action(evaluateModel);
}

/** Options of tasks, and of texts that are measured as a whole. */
const [ofTasks, ofTexts] = [["columns", "template", "truncate", "answers"], ["stride", "batch"]] as const;

/** Refuses options that were given, and do nothing. */
function checkGiven({ task }: Options, command: Command): void {
  const givenOf = (names: readonly string[]): string[] => names.filter((name) => command.getOptionValueSource(name) === "cli");
  const [name] = givenOf(task === undefined ? ofTasks : ofTexts);
  if (name !== undefined) {
    const use = task === undefined ? "for tasks: give --task, or leave it out" : "for texts that are measured as a whole: leave it out, or --task";
    throw new UsageError(`--${name} is ${use}`);
  }
  if (task !== undefined) checkUse(givenOf(ofTasks), { task });
}

async function evaluateModel(options: Options, command: Command): Promise<void> {
  checkGiven(options, command);
  const output = new Output(options);
  const need = ({ config, dtypes }: ModelPlan, streams: boolean): Need => {
    const { context = config.contextLength, batch = 1 } = options;
    return runningNeed(config, dtypes, batch * context, undefined, streams);
  };
  const { directory, model } = await openModel(options, need, output);
  const tokenizer = (await hasTokenizer(directory)) ? await loadTokenizer(directory) : undefined;
  if (options.task !== undefined) {
    if (!tokenizer) throw new CommandError(`${directory} has no tokenizer, which a task needs`);
    return evaluateTask({ ...options, task: options.task }, model, tokenizer, output);
  }
  const source = await openTokens(await findTextFiles(options.data), tokenizer, model.config.vocabSize, output);
  try {
    const { context: contextLength, batch: batchSize, stride } = options;
    const onProgress: OnEvaluated = ({ tokens, totalTokens }) =>
      output.progress(`measured ${formatCount(tokens)} of ${formatCount(totalTokens)} tokens`);
    const { loss, perplexity, tokens } = await interruptible(
      () => output.note("Stopping."),
      (signal) => {
        // True from here on.
        output.note("Measuring; Ctrl-C stops.");
        return evaluate(model, source, { contextLength, batchSize, stride, signal, onProgress });
      },
    );
    output.endPanel();
    const { bytes } = source;
    const perByte = bytes === undefined ? undefined : bitsPerByte({ loss, tokens, bytes });
    output.text(formatRows([
      ["loss", `${loss.toFixed(4)} nats a token`],
      ["perplexity", perplexity.toFixed(3)],
      ...(perByte === undefined ? [] : [["bits per byte", perByte.toFixed(4)] as const]),
      ["tokens", `${formatCount(tokens)}${bytes === undefined ? "" : ` of ${formatCount(bytes)} bytes`}`],
    ]));
    output.record({ loss, perplexity, bitsPerByte: perByte ?? null, tokens, bytes: bytes ?? null });
  } finally {
    await source.close();
  }
}
