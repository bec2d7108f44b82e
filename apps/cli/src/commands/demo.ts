import { join } from "node:path";
import { Command } from "commander";
import { streamText } from "@gpt/generate";
import type { GPT } from "@gpt/gpt";
import { publishFolder, systemCode } from "@gpt/formats/node";
import { loadModel } from "@gpt/gpt/node";
import { isGptError } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { measureSamples, storyCorpus, storyRecipe, storyStart } from "@gpt/stories";
import { addBackendOptions } from "../backend.ts";
import type { BackendOptions } from "../backend.ts";
import { commandName, shellWord } from "../command-name.ts";
import { CommandError } from "../errors.ts";
import { exists } from "../files.ts";
import { formatCount, formatDuration, LineWrapper } from "../format.ts";
import { path, wholeNumber } from "../options.ts";
import { Output } from "../output.ts";
import { styled } from "../style.ts";
import { columnsOf } from "../terminal-text.ts";
import type { RunOptions } from "../training/training-options.ts";
import { reportEnd, startRun } from "../training/run.ts";

interface Options extends BackendOptions {
  readonly out?: string;
  readonly steps: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** Tokens that are written to be measured, and characters that are shown of them. */
const sampleTokens = 6000;
const shownLength = 900;

export function demoCommand(): Command {
  const command = new Command("demo")
    .description("Train a small GPT on generated stories with a live view, and write some with it")
    .option("--out <dir>", "the run's folder; default: runs/stories, or the first of runs/stories-2, … that is free", path)
    .option("--steps <n>", "optimiser steps; fewer learn less", wholeNumber(1), storyRecipe.training.steps)
    .option("--seed <n>", "the same seed gives the same model", wholeNumber(0), 0);
  return addBackendOptions(command)
    .option("--json", "print one JSON object a line; the last one has all figures")
    .addHelpText("after", "\nExample:\n  gpt demo --seed 7")
    .action(demo);
}

async function demo(options: Options): Promise<void> {
  const output = new Output(options);
  const corpus = storyCorpus();
  const out = await makeFolder(options.out, { "train.txt": corpus.train, "validation.txt": corpus.validation });
  const files = { data: join(out, "train.txt"), validation: join(out, "validation.txt") };
  output.note(styled("bold", "A GPT learns to write small stories, word by word, from nothing but examples."));
  output.note(`Some of what it reads:${wrapper().push(corpus.train.slice(0, corpus.train.indexOf(storyStart, 1)))}\n`);

  const done = await startRun(
    {
      options: runOptions(options, files),
      out,
      resume: false,
      allowChanges: false,
      validationEntropy: corpus.entropy,
    },
    output,
  );
  if (done.interrupted) return reportEnd(done, out, output);

  output.note(`\nTrained in ${formatDuration(done.seconds)}. Now it writes:`);
  const tokenizer = await loadTokenizer(out);
  const began = performance.now();
  const text = await write(await loadModel(out), tokenizer, options.seed, output);
  const charactersPerSecond = text.length / ((performance.now() - began) / 1000);
  // Every text begins with the same token, which costs nothing.
  const entropy = corpus.entropy / (tokenizer.encode(corpus.validation).length - 1);
  const { parsed, novel, sentences, coherent } = measureSamples(text, corpus.train);
  const valLoss = done.validationLoss;
  output.record({ done: true, out, seconds: done.seconds, valLoss, entropy, sentences, parsed, novel, coherent });
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  output.text("\n");
  for (const line of [
    `Validation loss      ${valLoss?.toFixed(4)} nats a token; no model can expect less than ${entropy.toFixed(4)}`,
    `Grammatical          ${percent(parsed)} of ${formatCount(sentences)} sentences; ` +
      `${percent(coherent)} of the stories make sense`,
    `Written nowhere else ${percent(novel)} of the sentences are not in the training text`,
    `Speed                ${formatCount(charactersPerSecond)} characters/s`,
    "",
    styled("bold", "What next"),
    ...hints(out),
  ]) {
    output.note(line);
  }
}

/** Commands to go on with, and what they are for, where there is room for that. */
function hints(out: string): string[] {
  const commands = [
    [`generate --model ${shellWord(out)} --prompt In --temperature ${storyRecipe.temperature}`, "write more"],
    ["train --data your-text.txt --out runs/mine", "train on a text of yours"],
    ["info --preset gpt2", "look at larger models"],
    ["--help", "all commands"],
  ].map(([words, purpose]) => [`${commandName} ${words}`, purpose]);
  const width = Math.max(...commands.map(([command]) => command.length));
  const lines = commands.map(([command, purpose]) => `  ${command.padEnd(width)}   ${styled("dim", purpose)}`);
  const isWide = lines.every((line) => columnsOf(line) <= (process.stderr.columns || Infinity));
  return isWide ? lines : commands.map(([command]) => `  ${command}`);
}

function runOptions({ steps, seed, backend, threads }: Options, files: { data: string; validation: string }): RunOptions {
  const { vocabSize, model, training } = storyRecipe;
  return {
    data: [files.data],
    validation: [files.validation],
    tokenizer: "bpe",
    vocabSize,
    layers: model.layers,
    heads: model.heads,
    dim: model.dim,
    context: model.contextLength,
    untiedHead: model.tiedHead === false,
    initialStd: model.initialStd,
    steps,
    batch: training.batchSize,
    lr: training.learningRate,
    minLr: training.minLearningRate,
    evalEvery: 250,
    checkpointEvery: 500,
    logEvery: 25,
    seed,
    backend,
    threads,
  };
}

/** Writes stories: the first ones are shown as they come. */
async function write(model: GPT, tokenizer: Tokenizer, seed: number, output: Output): Promise<string> {
  const wrap = wrapper();
  let text = "";
  const options = { maxTokens: sampleTokens, temperature: storyRecipe.temperature, seed, contextShift: true };
  for await (const piece of streamText(model, tokenizer, storyStart, options)) {
    const shown = text.length < shownLength;
    text += piece.text;
    if (shown) output.text(wrap.push(text.length < shownLength ? piece.text : `${piece.text} …\n`));
  }
  return text;
}

/** For prose of this screen's width. */
function wrapper(): LineWrapper {
  return new LineWrapper(Math.min(96, process.stdout.columns || 80) - 2);
}

/** Makes the folder of this demo alone, with these texts: of several that begin together, each has its own. */
async function makeFolder(given: string | undefined, texts: Readonly<Record<string, string>>): Promise<string> {
  const files = Object.entries(texts).map(([name, text]) => ({ name, chunks: [new TextEncoder().encode(text)] }));
  for (const folder of given === undefined ? defaultFolders() : [given]) {
    if (await exists(folder)) continue;
    try {
      await publishFolder(folder, files);
      return folder;
    } catch (error) {
      if (!isTaken(error) || !(await exists(folder))) throw error;
    }
  }
  throw new CommandError(`${given} exists already; give --out a folder that does not`);
}

/** Whether another process made the folder first. */
function isTaken(error: unknown): boolean {
  if (!(isGptError(error) && error.code === "write-failed")) return false;
  return error.cause === undefined || ["ENOTEMPTY", "EEXIST"].includes(systemCode(error.cause) ?? "");
}

function* defaultFolders(): Generator<string> {
  const base = "runs/stories";
  yield base;
  for (let number = 2; ; number++) yield `${base}-${number}`;
}
