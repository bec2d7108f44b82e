import { Option } from "commander";
import type { Command } from "commander";
import { addBackendOptions, dtypeOption } from "../backend.ts";
import type { BackendOptions, DTypeOptions } from "../backend.ts";
import { UsageError } from "../errors.ts";
import { kebab } from "../foreign-names.ts";
import { decimal, path, paths, wholeNumber } from "../options.ts";

export const tasks = ["lm", "classify", "choice", "chat", "completion", "preference"] as const;
export type TaskName = (typeof tasks)[number];
export const methods = ["full", "last", "lora"] as const;
export type Method = (typeof methods)[number];

/** What the examples of a task are made of. */
export interface TaskOptions {
  readonly task: TaskName;
  readonly columns?: string;
  readonly template?: string;
  readonly context?: number;
  readonly truncate?: boolean;
}

/** What decides a run of fine-tuning. It is written to the run's folder, so that `--resume` needs no other option. */
export interface FinetuneOptions extends BackendOptions, TaskOptions, Partial<DTypeOptions> {
  readonly model: string;
  readonly data: string[];
  readonly validation?: string[];
  readonly validationShare: number;
  readonly method: Method;
  readonly lastBlocks: number;
  readonly rank: number;
  readonly alpha?: number;
  readonly target?: string;
  readonly loraDropout?: number;
  readonly rslora?: boolean;
  readonly dora?: boolean;
  readonly pack?: boolean;
  readonly classWeights?: "balanced";
  readonly lmWeight?: number;
  readonly beta?: number;
  readonly labelSmoothing?: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly batch?: number;
  readonly accumulate?: number;
  readonly checkpointBlocks?: boolean;
  readonly lr?: number;
  readonly minLr?: number;
  readonly schedule?: string;
  readonly warmup?: number;
  readonly dropout?: number;
  readonly weightDecay?: number;
  readonly clip?: number;
  readonly evalEvery?: number;
  readonly patience?: number;
  readonly best?: boolean;
  readonly answers: number;
  readonly checkpointEvery?: number;
  readonly keepCheckpoints?: number;
  readonly logEvery: number;
  readonly tensorboard?: boolean;
  readonly seed: number;
}

/** Adds the options of `TaskOptions` to a command. */
export function addTaskOptions(command: Command): Command {
  return command
    .addOption(new Option("--task <name>", "lm: {text}; classify: {text, label}; choice: {context, choices, answer}; completion: {prompt, completion}; chat: {messages}; preference: {prompt, chosen, rejected}").choices(tasks))
    .option("--columns <list>", "what the data call the fields: text=sentence,label=class")
    .option("--template <file>", "chat, preference: a template in Jinja; default: the model's, else one of plain lines", path)
    .option("--context <n>", "the most tokens of an example; default: the model's context", wholeNumber(1))
    .option("--truncate", "cut examples that have more tokens, instead of refusing them");
}

/** Adds the options of `FinetuneOptions` to a command. */
export function addFinetuneOptions(command: Command): Command {
  command
    .option("--model <dir>", "what is tuned: a model's folder, a GGUF file, or OWNER/NAME on the Hugging Face hub", path)
    .option("--data <files...>", "JSONL, JSON, CSV, TSV, Parquet or text files, for lm also token ids (.bin); patterns such as data/*.jsonl, folders", paths);
  addTaskOptions(command)
    .option("--validation <files...>", "files to validate on; default: a share of the data", paths)
    .option("--validation-share <p>", "how much of the data validates; the same text is on one side alone", decimal(0, 0.9), 0.1)
    .addOption(new Option("--method <name>", "full: all weights; last: those of the last blocks; lora: adapters, as PEFT has them").choices(methods).default("full"))
    .option("--last-blocks <n>", "last: how many blocks learn; 0 for what lies behind them", wholeNumber(0), 2)
    .option("--rank <n>", "lora: width of the adapters", wholeNumber(1), 16)
    .option("--alpha <a>", "lora: adapters are scaled by alpha / rank; default: twice the rank", decimal())
    .option("--target <names>", "lora: layers by Hugging Face's names, c_attn or q_proj,v_proj; default: all linear layers")
    .option("--lora-dropout <p>", "lora: share of an adapter's inputs dropped while training", decimal(0, 1))
    .option("--rslora", "lora: scale by alpha / √rank")
    .option("--dora", "lora: learn the length of each row apart; needs a model in f32")
    .option("--pack", "put short examples together, up to --context tokens; they do not see each other")
    .addOption(new Option("--class-weights <how>", "classify: let all labels weigh alike").choices(["balanced"]))
    .option("--lm-weight <w>", "classify, choice: add this times the loss of the texts' own tokens, as GPT-1 does (0.5)", decimal())
    .option("--beta <b>", "preference: the larger, the closer the model stays to what it was; default: 0.1", decimal())
    .option("--label-smoothing <p>", "preference: how likely it is that one is wrong, below 0.5; default: 0", decimal(0, 0.499))
    .option("--epochs <n>", "how often each example is seen; default: 3", decimal())
    .option("--steps <n>", "optimiser steps, instead of --epochs", wholeNumber(1))
    .option("--batch <n>", "examples of one forward pass; default: 8", wholeNumber(1))
    .option("--accumulate <n>", "batches whose gradients make one step; default: 1", wholeNumber(1))
    .option("--checkpoint-blocks", "less memory: compute the blocks again in the backward pass; the same model, a seventh slower")
    .option("--lr <rate>", "the highest learning rate; default: 0.048 / width, for preference 1e-6; ten times that where little is trained", decimal())
    .option("--min-lr <rate>", "the learning rate at the end; default: for cosine a tenth of the highest, else 0", decimal())
    .addOption(new Option("--schedule <name>", "how the rate falls; default: linear").choices(["linear", "cosine", "warmup-stable-decay", "constant"]))
    .option("--warmup <n>", "steps in which the rate rises; default: 3% of all", wholeNumber(0))
    .option("--dropout <p>", "share of activations dropped while training; default: what the model says, for preference 0", decimal(0, 1))
    .option("--weight-decay <w>", "AdamW's decay of weights; default: 0.01", decimal())
    .option("--clip <norm>", "the largest gradient norm; 0 does not clip; default: 1", decimal())
    .option("--eval-every <n>", "steps between two validations; default: an epoch", wholeNumber(1))
    .option("--patience <n>", "end after as many validations without a lower loss; default: never", wholeNumber(1))
    .option("--best", "end with the weights of the lowest validation loss, not with the last")
    .option("--answers <n>", "chat, completion: answers that are written and compared at the end; 0 for none", wholeNumber(0), 100)
    .option("--checkpoint-every <n>", "steps between two checkpoints; default: an epoch", wholeNumber(1))
    .option("--keep-checkpoints <n>", "how many of the newest checkpoints stay", wholeNumber(1), 2)
    .option("--log-every <n>", "steps between two lines of progress", wholeNumber(1), 10)
    .option("--tensorboard", "also write the figures for TensorBoard to --out: tensorboard --logdir runs")
    .option("--seed <n>", "the same seed gives the same model", wholeNumber(0), 0);
  return addBackendOptions(command.addOption(dtypeOption()));
}

const adapters = { method: ["lora"] } as const;

/** Tasks or methods that an option is for, where it does nothing for others. */
const usedBy: { readonly [Name in keyof FinetuneOptions]?: { readonly task: readonly TaskName[] } | { readonly method: readonly Method[] } } = {
  template: { task: ["chat", "preference"] },
  truncate: { task: ["classify", "choice", "completion", "chat", "preference"] },
  answers: { task: ["chat", "completion"] },
  pack: { task: ["lm", "chat", "completion"] },
  classWeights: { task: ["classify"] },
  lmWeight: { task: ["classify", "choice"] },
  beta: { task: ["preference"] },
  labelSmoothing: { task: ["preference"] },
  lastBlocks: { method: ["last"] },
  rank: adapters, alpha: adapters, target: adapters, loraDropout: adapters, rslora: adapters, dora: adapters,
};

/** What options are for: measuring has no method. */
type UsedFor = Pick<FinetuneOptions, "task"> & Partial<Pick<FinetuneOptions, "method">>;

/** What an option is for, where it does nothing for the task or the method of a run. */
function otherUse(name: string, { task, method }: UsedFor): string | undefined {
  const use = usedBy[name as keyof FinetuneOptions];
  if (!use) return undefined;
  const [kind, names, chosen] = "task" in use ? ["task", use.task, task] : ["method", use.method, method];
  return (names as readonly (string | undefined)[]).includes(chosen) ? undefined : `--${kind} ${names.join(" or ")}, not ${chosen}`;
}

/** Refuses options that do nothing for the task or the method. */
export function checkUse(given: readonly string[], usedFor: UsedFor): void {
  for (const name of given) {
    const use = otherUse(name, usedFor);
    if (use) throw new UsageError(`--${kebab(name)} is for ${use}`);
  }
}

/** Options that say the same in two ways. */
const alternatives = [["epochs", "steps"], ["validation", "validationShare"]] as const satisfies readonly (readonly (keyof FinetuneOptions)[])[];

/** Refuses options that were given, and do nothing for the task or the method, or beside another. */
export function checkUsed(given: Partial<FinetuneOptions>, options: FinetuneOptions): void {
  checkUse(Object.keys(given), options);
  for (const [one, other] of alternatives) {
    if (one in given && other in given) throw new UsageError(`--${kebab(one)} and --${kebab(other)} say the same in two ways: give one of them`);
  }
  const unused = options.schedule === "constant" ? (["warmup", "minLr"] as const).find((name) => name in given) : undefined;
  if (unused) throw new UsageError(`--${kebab(unused)} does nothing where --schedule constant leaves the rate as it is: leave one of them out`);
}

/** The options that do something for the task, the method and the data. */
export function usedOptions(options: FinetuneOptions): FinetuneOptions {
  const isUsed = (name: string): boolean => !otherUse(name, options) && !(name === "validationShare" && options.validation);
  return Object.fromEntries(Object.entries(options).filter(([name]) => isUsed(name))) as unknown as FinetuneOptions;
}
