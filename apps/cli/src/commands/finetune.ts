import { Command } from "commander";
import { quote } from "@gpt/tensor";
import { commandName, shellWord } from "../command-name.ts";
import { addConfigOptions, runOptions } from "../configuration/options.ts";
import { printConfig } from "../configuration/resolved.ts";
import { CommandError, UsageError } from "../errors.ts";
import { runFolderOf } from "../files.ts";
import { addFinetuneOptions, checkUsed } from "../finetuning/options.ts";
import type { FinetuneOptions } from "../finetuning/options.ts";
import { recordOf } from "../training/event-record.ts";
import { noteBest } from "../training/run.ts";
import { leavesAdapter, resolveFinetune, startFinetune } from "../finetuning/run.ts";
import { kebab } from "../foreign-names.ts";
import { formatCount, formatDuration, formatMetric } from "../format.ts";
import { Interrupted } from "../interruption.ts";
import { path, wholeNumber } from "../options.ts";
import { Output } from "../output.ts";

interface Options {
  readonly data?: string[];
  readonly out?: string;
  readonly resume?: boolean;
  readonly allowChanges?: boolean;
  readonly showSamples: number;
  readonly json?: boolean;
  readonly printConfig?: boolean;
}

export function finetuneCommand(): Command {
  const command = new Command("finetune")
    .description("Tune a model on your data: texts, labels, prompts and completions, dialogues")
    .option("--out <dir>", "the tuned model's folder; default: runs/ and the name of the data", path)
    .option("--resume", "go on from the newest checkpoint in --out, with the options that the run was started with")
    .option("--allow-changes", "resume even where options, data, backend or Node differ from before")
    .option("--show-samples <n>", "show the first examples, with what is learnt of them in colour", wholeNumber(0), 0);
  return addConfigOptions(addFinetuneOptions(command))
    .option("--json", "print one JSON object a line: {step, loss, …}, {step, valLoss, …}, {done, trainable, …}")
    .addHelpText(
      "after",
      "\nExamples:\n  gpt finetune --model openai-community/gpt2 --task chat --method lora --data chats.jsonl --show-samples 2" +
        "\n  gpt finetune --model runs/book --task classify --data reviews.csv --columns text=review,label=stars" +
        "\n  gpt finetune --out runs/chats --resume",
    )
    .action(run);
}

async function run(given: Options, command: Command): Promise<void> {
  const output = new Output(given);
  const { resume = false, allowChanges = false, showSamples } = given;
  const out = given.out ?? defaultFolder(given.data);
  const options = await resolveOptions(command, out, resume);
  if (given.printConfig) return printConfig({ ...(await resolveFinetune(options, output)), out }, command, output);
  const { done, trainable, parameters, scores } = await startFinetune({ options, out, resume, allowChanges, showSamples }, output);
  const { step, validationLoss, metrics, seconds, interrupted } = done;
  output.record({ ...recordOf(done), ...scores, trainable, parameters, out });
  if (interrupted) {
    output.note(`Saved at step ${formatCount(step)}. Go on with: ${commandName} finetune --out ${shellWord(out)} --resume`);
    throw new Interrupted();
  }
  noteBest(done, output);
  const validated = validationLoss === null ? "" : `, validation loss ${validationLoss.toFixed(4)}`;
  const figures = validated + Object.entries(metrics ?? {}).map(([name, value]) => `, ${formatMetric(name, value)}`).join("");
  output.note(`Tuned ${formatCount(step)} steps in ${formatDuration(seconds)}${figures}. The ${leavesAdapter(options) ? "adapter" : "model"} is in ${out}`);
}

function defaultFolder(data: readonly string[] | undefined): string {
  if (!data) throw new UsageError("say what to tune on: --data FILE; or what to go on with: --out DIR --resume");
  return runFolderOf(data[0]);
}

async function resolveOptions(command: Command, out: string, resume: boolean): Promise<FinetuneOptions> {
  const { options, before, given } = await runOptions(command, out, resume);
  if (before) checkUnchanged(before, given);
  const { model, data, task } = options as Partial<FinetuneOptions>;
  if (!data || !model || !task) {
    if (resume && !before) throw new CommandError(`${out} holds no run to resume; say what to tune, and on what: --model DIR --task NAME --data FILE`);
    const missing = Object.entries({ "--model DIR": model, "--task NAME": task, "--data FILE": data }).filter(([, value]) => !value);
    throw new UsageError(`say also: ${missing.map(([name]) => name).join(" ")}`);
  }
  checkUsed(given, options as FinetuneOptions);
  return options as FinetuneOptions;
}

/** What decides which weights there are to train. Those of a run are in its checkpoints. */
const decidedAtStart = ["method", "lastBlocks", "rank", "alpha", "target", "loraDropout", "rslora", "dora"] as const;

/** Refuses to resume a run with other weights than its own. */
function checkUnchanged(before: Partial<FinetuneOptions>, given: Partial<FinetuneOptions>): void {
  for (const name of decidedAtStart) {
    if (!(name in given) || given[name] === before[name]) continue;
    throw new CommandError(`--${kebab(name)} was ${before[name] === undefined ? "not given" : quote(before[name])} and is ${quote(given[name])}, but the run's weights are there already; leave it out to resume, or begin another run`);
  }
}
