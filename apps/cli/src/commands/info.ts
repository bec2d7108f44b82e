import { Command, Option } from "commander";
import { describeModel, preset, presetNames, readConfig } from "@gpt/gpt";
import type { GPTConfig, ModelDescription } from "@gpt/gpt";
import { openFolder } from "@gpt/formats/node";
import { resolveModelDirectory } from "@gpt/gpt/node";
import { UsageError } from "../errors.ts";
import { formatBytes, formatCount } from "../format.ts";
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
  const config = await configOf(options, output);
  const description = describeModel(config);
  const { parameters, ...rest } = description;
  const { total, ...parts } = parameters;
  output.record({ parameters: total, parametersByPart: parts, ...rest, config });
  output.text(table(config, description));
}

async function configOf({ preset: name, model }: Options, output: Output): Promise<GPTConfig> {
  if (name !== undefined) return preset(name);
  if (model === undefined) throw new UsageError("give either --preset or --model");
  return readConfig(openFolder(await resolveModelDirectory(model)), { onNote: (note) => output.remark(note) });
}

function table(config: GPTConfig, description: ModelDescription): string {
  const { parameters, flopsPerToken, trainingBytes, weightBytes, cacheBytesPerToken } = description;
  const { layers, heads, headDim, dim, hiddenDim, contextLength, vocabSize, positions, normPlacement } = config;
  const megaflops = (flops: number): string => `${formatCount(flops / 1e6)} MFLOP a token`;
  const work = (matrices: number, attention: number): string =>
    `${megaflops(matrices)}, ${megaflops(attention)} more for attention`;
  const rows: [string, string][] = [
    ["layers", `${layers}, each with ${heads} heads of ${headDim}`],
    ["width", `${dim}, ${hiddenDim} inside the feed-forward layers`],
    ["context", `${formatCount(contextLength)} tokens, ${positions} positions`],
    ["vocabulary", formatCount(vocabSize)],
    ["normalization", normPlacement === "pre" ? "before each sub-layer, and at the end" : "after each sub-layer"],
    ["", ""],
    ["parameters", formatCount(parameters.total)],
    ["  token embedding", `${formatCount(parameters.tokenEmbedding)}${config.tiedHead ? ", also the head" : ""}`],
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
    ["key-value cache", `${formatBytes(cacheBytesPerToken)} a token`],
  ];
  return `${rows.map(([name, value]) => `${name.padEnd(20)}${value}`.trimEnd()).join("\n")}\n`;
}
