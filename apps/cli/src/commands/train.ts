import { Command } from "commander";
import { commandName, shellWord } from "../command-name.ts";
import { addConfigOptions, runOptions } from "../configuration/options.ts";
import { printConfig } from "../configuration/resolved.ts";
import { CommandError, UsageError } from "../errors.ts";
import { runFolderOf } from "../files.ts";
import { path } from "../options.ts";
import { Output } from "../output.ts";
import { addRunOptions } from "../training/training-options.ts";
import type { RunOptions } from "../training/training-options.ts";
import { recordOf } from "../training/event-record.ts";
import { reportEnd, resolveRun, startRun } from "../training/run.ts";

interface Options {
  readonly data?: string[];
  readonly out?: string;
  readonly resume?: boolean;
  readonly allowChanges?: boolean;
  readonly json?: boolean;
  readonly printConfig?: boolean;
}

export function trainCommand(): Command {
  const command = new Command("train")
    .description("Train a GPT on text")
    .option("--out <dir>", "the run's folder; default: runs/ and the name of the data", path)
    .option("--resume", "go on from the newest checkpoint in --out, with the options that the run was started with")
    .option("--allow-changes", "resume even where options, data, backend or Node differ from before");
  return addConfigOptions(addRunOptions(command))
    .option("--json", "print one JSON object a line: {step, loss, lr, tokensPerSecond, …}, {step, valLoss}, {done, …}")
    .addHelpText(
      "after",
      "\nExamples:\n  gpt train --data book.txt" +
        "\n  gpt train --data book.txt --preset gpt2 --tokenizer gpt2 --batch 4 --out runs/book" +
        "\n  gpt train --data book.txt --optimizer muon --schedule linear   (often the lower loss in as many steps)" +
        "\n  gpt train --out runs/book --resume",
    )
    .action(train);
}

async function train(given: Options, command: Command): Promise<void> {
  const output = new Output(given);
  const { resume = false, allowChanges = false } = given;
  const out = given.out ?? defaultFolder(given.data);
  const options = await resolveOptions(command, out, resume);
  if (given.printConfig) return printConfig({ ...(await resolveRun(options, output)), out }, command, output);
  const done = await startRun({ options, out, resume, allowChanges }, output);
  output.record({ ...recordOf(done), out });
  reportEnd(done, out, output);
  output.note(`Write with it: ${commandName} generate --model ${shellWord(out)} --prompt "…"`);
}

function defaultFolder(data: readonly string[] | undefined): string {
  if (!data) throw new UsageError("say what to train on: --data FILE; or what to go on with: --out DIR --resume");
  return runFolderOf(data[0]);
}

async function resolveOptions(command: Command, out: string, resume: boolean): Promise<RunOptions> {
  const { options, before } = await runOptions(command, out, resume);
  if ("data" in options) return options as RunOptions;
  if (resume && !before) throw new CommandError(`${out} holds no run to resume; say what to train on: --data FILE`);
  throw new UsageError("say what to train on: --data FILE");
}
