import { Option } from "commander";
import type { Command } from "commander";
import type { GPTConfig } from "@gpt/gpt";
import { preset } from "@gpt/gpt";
import { addBackendOptions } from "../backend.ts";
import type { BackendOptions } from "../backend.ts";
import type { OptimizerName, ScheduleName } from "@gpt/train";
import { UsageError } from "../errors.ts";
import { kebab } from "../foreign-names.ts";
import { decimal, path, paths, wholeNumber, windowList } from "../options.ts";

export const optimizers: readonly OptimizerName[] = ["adamw", "muon"];
export const schedules: readonly ScheduleName[] = ["cosine", "linear", "warmup-stable-decay", "constant"];

/** What decides a run. It is written to the run's folder, so that `--resume` needs no other option. */
export interface RunOptions extends BackendOptions {
  readonly data: string[];
  readonly validation?: string[];
  readonly from?: string;
  readonly tokenizer: string;
  readonly vocabSize?: number;
  readonly preset?: string;
  readonly layers?: number;
  readonly heads?: number;
  readonly dim?: number;
  readonly context?: number;
  readonly positions?: "learned" | "sinusoidal";
  readonly norm?: "pre" | "post";
  readonly windows?: (number | null)[];
  readonly untiedHead?: boolean;
  readonly initialStd?: number;
  readonly dropout?: number;
  readonly balanceLoss?: number;
  readonly balanceTogether?: boolean;
  readonly zLoss?: number;
  readonly steps: number;
  readonly batch?: number;
  readonly accumulate?: number;
  readonly checkpointBlocks?: boolean;
  readonly optimizer?: OptimizerName;
  readonly momentum?: number;
  readonly adamwRate?: number;
  readonly schedule?: ScheduleName;
  readonly decay?: number;
  readonly lr?: number;
  readonly minLr?: number;
  readonly warmup?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly weightDecay?: number;
  readonly clip?: number;
  readonly evalEvery?: number;
  readonly patience?: number;
  readonly best?: boolean;
  readonly checkpointEvery?: number;
  readonly keepCheckpoints?: number;
  readonly logEvery?: number;
  readonly tensorboard?: boolean;
  readonly seed: number;
}

export const defaultPreset = "nano";

/** Adds the options of `RunOptions` to a command. */
export function addRunOptions(command: Command): Command {
  command
    .option("--data <files...>", "text files, or files of token ids that end in .bin; patterns and folders too", paths)
    .option("--validation <files...>", "files to validate on; default: the last tenth of the data", paths)
    .option("--from <dir>", "goes on from a model with its tokenizer, on other text: a folder, a GGUF file, or OWNER/NAME on the hub", path)
    .option("--tokenizer <name>", "char, bpe (learnt from the data), gpt2, o200k_base, …, a folder, or OWNER/NAME on the Hugging Face hub", path, "char")
    .option("--vocab-size <n>", "entries of a bpe vocabulary (4096), or of the model for token ids", wholeNumber(1))
    .option("--preset <name>", "the sizes of a known model, without its weights: gpt2, …; those below change them; default: nano")
    .option("--layers <n>", "decoder blocks", wholeNumber(1))
    .option("--heads <n>", "attention heads of each block", wholeNumber(1))
    .option("--dim <n>", "width of the residual stream", wholeNumber(1))
    .option("--context <n>", "tokens that the model sees at once", wholeNumber(1))
    .addOption(new Option("--positions <kind>", "position embeddings; default: the preset's").choices(["learned", "sinusoidal"]))
    .addOption(new Option("--norm <place>", "normalise before or after each sub-layer; default: the preset's").choices(["pre", "post"]))
    .option("--windows <list>", "tokens that blocks see, in turn: dense,256 for every second one; default: the preset's", windowList)
    .option("--untied-head", "give the head weights of its own, instead of the token embedding's")
    .option("--initial-std <d>", "of the random weights that training begins with; default: 0.02", decimal())
    .option("--dropout <p>", "share of activations dropped while training; default: the preset's", decimal(0, 1))
    .option("--balance-loss <c>", "experts: coefficient of the loss that makes loads equal; default: the preset's", decimal())
    .option("--balance-together", "experts: make loads equal in all blocks together, as transformers does, instead of in each")
    .option("--z-loss <c>", "experts: that of the loss that keeps routers' scores small; default: the preset's", decimal())
    .option("--steps <n>", "optimiser steps of the whole run", wholeNumber(1), 2000)
    .option("--batch <n>", "sequences of one forward pass", wholeNumber(1), 12)
    .option("--accumulate <n>", "batches whose gradients make one step", wholeNumber(1), 1)
    .option("--checkpoint-blocks", "less memory: compute the blocks again in the backward pass; the same model, a seventh slower")
    .addOption(new Option("--optimizer <name>", "muon: for the matrices of the blocks, AdamW for the rest; default: adamw").choices(optimizers))
    .option("--lr <rate>", "the highest learning rate; default: 0.001; muon: 0.01 · √(128 / dim)", decimal())
    .option("--adamw-rate <f>", "muon: the rate of what AdamW changes, as a multiple of --lr; default: 0.2", decimal())
    .addOption(new Option("--schedule <name>", "how the rate falls; default: cosine").choices(schedules))
    .option("--min-lr <rate>", "the learning rate at the end; default: for cosine a tenth of the highest, else 0", decimal())
    .option("--warmup <n>", "steps in which the rate rises; default: 100, at most a tenth of the steps", wholeNumber(0))
    .option("--decay <n>", "warmup-stable-decay: steps in which the rate falls; default: a fifth of all", wholeNumber(1))
    .option("--momentum <m>", "Muon's decay of the mean gradient; default: 0.95", decimal(0, 1))
    .option("--beta1 <b>", "AdamW's decay of the mean gradient", decimal(0, 1), 0.9)
    .option("--beta2 <b>", "AdamW's decay of the mean squared gradient", decimal(0, 1), 0.99)
    .option("--weight-decay <w>", "decay of weights", decimal(), 0.1)
    .option("--clip <norm>", "the largest gradient norm; 0 does not clip", decimal(), 1)
    .option("--eval-every <n>", "steps between two validations", wholeNumber(1), 250)
    .option("--patience <n>", "end after as many validations without a lower loss; default: never", wholeNumber(1))
    .option("--best", "end with the weights of the lowest validation loss, not with the last")
    .option("--checkpoint-every <n>", "steps between two checkpoints", wholeNumber(1), 250)
    .option("--keep-checkpoints <n>", "how many of the newest checkpoints stay", wholeNumber(1), 2)
    .option("--log-every <n>", "steps between two lines of progress", wholeNumber(1), 10)
    .option("--tensorboard", "also write the figures for TensorBoard to --out: tensorboard --logdir runs")
    .option("--seed <n>", "the same seed gives the same model", wholeNumber(0), 0);
  return addBackendOptions(command);
}

/** What describes a new model, and not one that there is. */
const ofNewModels = [
  "vocabSize", "preset", "layers", "heads", "dim", "positions", "norm", "windows", "untiedHead", "initialStd", "dropout",
] as const satisfies readonly (keyof RunOptions)[];

/** Refuses options that describe another model than the one that training goes on from. */
export function checkFrom(options: RunOptions): void {
  const given = ofNewModels.find((name) => options[name] !== undefined);
  if (options.from === undefined || given === undefined) return;
  throw new UsageError(`--${kebab(given)} describes a new model, and --from goes on from one that there is: leave one of them out`);
}

/** The model that the options describe, for a vocabulary. */
export function modelConfig(options: RunOptions, vocabSize: number): GPTConfig {
  const { layers, heads, dim, context, positions, norm, windows, untiedHead, initialStd, dropout } = options;
  const config = preset(options.preset ?? defaultPreset, {
    vocabSize,
    layers,
    heads,
    dim,
    contextLength: context,
    positions,
    normPlacement: norm,
    windows,
    tiedHead: untiedHead ? false : undefined,
    initialStd,
    dropout,
    attentionDropout: dropout,
  });
  return withRouterLosses(config, options);
}

/** A mixture of experts with the coefficients that are given. */
function withRouterLosses(config: GPTConfig, { balanceLoss, zLoss, balanceTogether }: RunOptions): GPTConfig {
  const given = Object.fromEntries(Object.entries({ balanceLoss, zLoss }).filter(([, value]) => value !== undefined));
  if (Object.keys(given).length === 0 && !balanceTogether) return config;
  if (!hasExperts(config)) {
    throw new UsageError(
      "--balance-loss, --balance-together and --z-loss are for experts, which the model does not have; take a preset such as moe-nano",
    );
  }
  const blocks = config.blocks.map((block) => (block.mlp.type === "experts" ? { ...block, mlp: { ...block.mlp, ...given } } : block));
  return { ...config, blocks };
}

export function hasExperts({ blocks }: GPTConfig): boolean {
  return blocks.some(({ mlp }) => mlp.type === "experts");
}
