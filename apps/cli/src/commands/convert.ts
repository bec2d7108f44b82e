import { Command, Option } from "commander";
import type { WeightDType } from "@gpt/tensor";
import type { ModelCardOptions } from "@gpt/gpt";
import { watched, withSource } from "../conversion/source.ts";
import type { ModelSource } from "../conversion/source.ts";
import { bytesIn, targets } from "../conversion/targets.ts";
import type { TargetName } from "../conversion/targets.ts";
import { dtypeChoices, dtypeName } from "../dtypes.ts";
import { UsageError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { addModelCard, sourceLink } from "../model-card.ts";
import { path, splitOption } from "../options.ts";
import { Output } from "../output.ts";

interface Options {
  readonly model: string;
  readonly to: TargetName;
  readonly out: string;
  readonly dtype?: WeightDType;
  readonly splitMaxSize?: number;
  readonly json?: boolean;
}

const examples = `
Examples:
  gpt convert --model runs/stories --to onnx --out stories-onnx --dtype int8
  gpt convert --model runs/stories --to gguf --out stories.gguf --dtype q8_0
  gpt convert --model llama.gguf --to hf --out llama`;

export function convertCommand(): Command {
  const to = new Option("--to <kind>", "hf: a folder in the Hugging Face layout; onnx: one for ONNX Runtime and transformers.js; gguf: a file for llama.cpp");
  const dtype = new Option("--dtype <name>", "how matrices are stored: f32, for hf f16 and bf16, for onnx int8 (q8_0), for gguf f16, bf16, int8 (q8_0), int4 (q4_0) and mxfp4");
  return new Command("convert")
    .description("Write a model for other programs")
    .requiredOption("--model <dir>", "a model's folder, a training run's, a GGUF file, or OWNER/NAME on the Hugging Face hub", path)
    .addOption(to.choices(Object.keys(targets)).makeOptionMandatory())
    .requiredOption("--out <path>", "the folder to write to; for gguf a file, NAME.gguf, or the folder of one", path)
    .addOption(dtypeChoices(dtype, targets.gguf.dtypes))
    .addOption(splitOption())
    .option("--json", "print one JSON object: {done, out, bytes, dtype}")
    .addHelpText("after", examples)
    .action(convert);
}

async function convert(options: Options): Promise<void> {
  const output = new Output(options);
  const { to, splitMaxSize } = options;
  if (splitMaxSize !== undefined && to !== "gguf") throw new UsageError(`--split-max-size is for --to gguf, not ${to}`);
  const dtypes: readonly WeightDType[] = targets[to].dtypes;
  const { dtype = dtypes[0] } = options;
  if (!dtypes.includes(dtype)) throw new UsageError(`--to ${to} stores matrices as ${dtypes.map(dtypeName).join(" or ")}, not ${dtypeName(dtype)}`);
  await withSource(options.model, output, async (source) => {
    const paths = await targets[to].write({ ...source, weights: watched(source, "converting", output) }, options.out, { dtype, splitMaxSize });
    const [out] = paths;
    output.endPanel();
    if (to === "hf") await addModelCard(out, source.model, cardOf(source), output);
    const bytes = await bytesIn(paths);
    output.text(`${formatBytes(bytes)} are in ${out}\n`);
    output.record({ done: true, out, bytes, dtype });
  });
}

/** What the card of a folder says of where its model comes from. */
function cardOf({ name, title, license, repository }: ModelSource): ModelCardOptions {
  return { name: title, origin: `It was made from ${sourceLink(repository, name)} by \`gpt convert\`.`, license, baseModel: repository };
}
