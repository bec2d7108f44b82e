import { Command, Option } from "commander";
import { describeModel, preset, presetNames, weightBytesOf } from "@gpt/gpt";
import type { BlockConfig, GPTConfig, ModelDescription, ModelPlan } from "@gpt/gpt";
import { planModel, resolveModelDirectory } from "@gpt/gpt/node";
import { UsageError } from "../errors.ts";
import { formatBytes, formatCount, formatDTypes } from "../format.ts";
import { path } from "../options.ts";
import { Output } from "../output.ts";

interface Options {
  readonly preset?: string;
  readonly model?: string;
  readonly json?: boolean;
}

export function infoCommand(): Command {
  return new Command("info")
    .description("Show what a model is made of, and what it takes to train and to run it")
    .addOption(new Option("--preset <name>", `a known model: ${presetNames.join(", ")}`).conflicts("model"))
    .option("--model <dir>", "a model's folder, or a training run's", path)
    .option("--json", "print one JSON object: parameters, flopsPerToken, trainingBytes, weightBytes, …")
    .addHelpText("after", "\nExample:\n  gpt info --preset gpt2")
    .action(info);
}

async function info(options: Options): Promise<void> {
  const output = new Output(options);
  const { config, dtypes } = await planOf(options, output);
  const description = describeModel(config);
  const { parameters, ...rest } = description;
  const { total, ...parts } = parameters;
  const stored = dtypes && { dtypes, bytes: weightBytesOf(config, dtypes) };
  output.record({ parameters: total, parametersByPart: parts, ...rest, ...(stored ? { stored } : {}), config });
  output.text(table(config, description, stored));
}

/** A model as parts, and, of a folder that has some of its matrices in few bits, as what all of them are stored. */
async function planOf({ preset: name, model }: Options, output: Output): Promise<Pick<ModelPlan, "config"> & Partial<ModelPlan>> {
  if (name !== undefined) return { config: preset(name) };
  if (model === undefined) throw new UsageError("give either --preset or --model");
  const { config, dtypes } = await planModel(await resolveModelDirectory(model), { onNote: (note) => output.remark(note) });
  return Object.values(dtypes).some((dtype) => dtype !== "f32") ? { config, dtypes } : { config };
}

interface Stored {
  readonly dtypes: ModelPlan["dtypes"];
  readonly bytes: number;
}

function table(config: GPTConfig, description: ModelDescription, stored: Stored | undefined): string {
  const { parameters, activeParameters, flopsPerToken, trainingBytes, weightBytes, cacheBytesPerToken } = description;
  const { blocks, dim, contextLength, vocabSize, positions, head } = config;
  const megaflops = (flops: number): string => `${formatCount(flops / 1e6)} MFLOP a token`;
  const work = (matrices: number, attention: number): string =>
    `${megaflops(matrices)}, ${megaflops(attention)} more for attention`;
  const rows: [string, string][] = [
    ["layers", `${blocks.length}${new Set(blocks.map(attentionOf)).size > 1 ? ":" : ", each with"} ${kindsOf(blocks, attentionOf)}`],
    ["width", `${dim}, ${kindsOf(blocks, mlpOf)}`],
    ["context", `${formatCount(contextLength)} tokens, ${positions === "none" ? kindsOf(blocks, rotaryOf) : `${positions} positions`}`],
    ["vocabulary", formatCount(vocabSize)],
    ["normalization", normalizationOf(config)],
    ["", ""],
    ["parameters", formatCount(parameters.total)],
    ...(blocks.some(({ mlp }) => mlp.type === "experts") ? [["  active", formatCount(activeParameters)] as [string, string]] : []),
    ["  token embedding", `${formatCount(parameters.tokenEmbedding)}${head.type === "tied" ? ", also the head" : ""}`],
    ["  positions", formatCount(parameters.positions)],
    ["  attention", formatCount(parameters.attention)],
    ["  feed-forward", formatCount(parameters.mlp)],
    ["  normalization", formatCount(parameters.norms)],
    ["  head", formatCount(parameters.head)],
    ["", ""],
    ["forward", work(flopsPerToken.forward, flopsPerToken.attentionForward)],
    ["training", work(flopsPerToken.training, flopsPerToken.attentionTraining)],
    ["memory to train", `${formatBytes(trainingBytes)}, and the activations`],
    ["memory to run", Object.entries(weightBytes).map(([dtype, bytes]) => `${formatBytes(bytes)} ${dtype}`).join(", ")],
    ...(stored ? [["  as it is stored", `${formatBytes(stored.bytes)}, ${formatDTypes(stored.dtypes)}`] as [string, string]] : []),
    ["key-value cache", `${formatBytes(cacheBytesPerToken)} a token`],
  ];
  return `${rows.map(([name, value]) => `${name.padEnd(20)}${value}`.trimEnd()).join("\n")}\n`;
}

/** What blocks are like: once where all are alike, else each kind with the number of its blocks. */
function kindsOf(blocks: readonly BlockConfig[], textOf: (block: BlockConfig) => string): string {
  const counts = new Map<string, number>();
  for (const block of blocks) counts.set(textOf(block), (counts.get(textOf(block)) ?? 0) + 1);
  if (counts.size === 1) return textOf(blocks[0]);
  return Array.from(counts, ([text, count]) => `${count} × ${text}`).join("; ");
}

function attentionOf({ attention: { heads, kvHeads, headDim, window, sinks } }: BlockConfig): string {
  const groups = kvHeads === heads ? "" : `, ${kvHeads} for keys and values`;
  return `${heads} heads of ${headDim}${groups}${window === undefined ? "" : `, windows of ${window}`}${sinks ? ", sinks" : ""}`;
}

function mlpOf({ mlp }: BlockConfig): string {
  if (mlp.type !== "experts") return `${mlp.hiddenDim} inside the ${mlp.type === "gated" ? "gated " : ""}feed-forward layers`;
  return `${mlp.expert.hiddenDim} inside each of ${mlp.count} experts, ${mlp.active} of them active`;
}

function rotaryOf({ attention: { rotary } }: BlockConfig): string {
  if (!rotary) return "no positions";
  const { theta, scaling } = rotary;
  return `rotary positions of theta ${formatCount(theta)}${scaling ? `, ${scaling.type} scaling by ${scaling.factor}` : ""}`;
}

function normalizationOf({ blocks, finalNorm }: GPTConfig): string {
  const places = kindsOf(blocks, ({ place, norm: { type } }) => {
    return `${type === "rms" ? "root mean square, " : ""}${place === "pre" ? "before" : "after"} each sub-layer`;
  });
  return finalNorm ? `${places}, and at the end` : places;
}
