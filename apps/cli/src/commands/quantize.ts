import { Command, Option } from "commander";
import { relativeError } from "@gpt/gpt";
import type { GPT } from "@gpt/gpt";
import { openModel } from "@gpt/gpt/node";
import type { WeightDType } from "@gpt/tensor";
import { watched, withSource } from "../conversion/source.ts";
import { bytesIn, targets } from "../conversion/targets.ts";
import { dtypeChoices, dtypeName } from "../dtypes.ts";
import { formatBytes } from "../format.ts";
import { path, splitOption } from "../options.ts";
import { Output } from "../output.ts";

interface Options {
  readonly model: string;
  readonly dtype: WeightDType;
  readonly out: string;
  readonly splitMaxSize?: number;
  readonly json?: boolean;
}

const examples = `
Examples:
  gpt quantize --model runs/stories --dtype int8 --out stories-int8
  gpt quantize --model openai-community/gpt2 --dtype q4_0 --out gpt2-Q4_0.gguf
  gpt generate --model gpt2-Q4_0.gguf --prompt "It was"`;

export function quantizeCommand(): Command {
  const dtype = new Option("--dtype <name>", "how matrices are stored: int8 is hard to tell from f32, int4 is half of it and costs some quality");
  return new Command("quantize")
    .description("Write a model in few bits, as a GGUF file, which this command and llama.cpp run")
    .requiredOption("--model <dir>", "a model's folder, a training run's, a GGUF file, or OWNER/NAME on the Hugging Face hub", path)
    .addOption(dtypeChoices(dtype, ["int8", "int4"]).makeOptionMandatory())
    .requiredOption("--out <path>", "the file, NAME.gguf, or a folder, in which it is named after the model and the dtype", path)
    .addOption(splitOption())
    .option("--json", "print JSON objects: {relativeError, originalBytes}, {done, out, bytes, dtype}")
    .addHelpText("after", examples)
    .action(quantize);
}

async function quantize({ model: given, dtype, out: wanted, splitMaxSize, json }: Options): Promise<void> {
  const output = new Output({ json });
  await withSource(given, output, async (source) => {
    const { model, bytes: originalBytes } = source;
    const partial = matricesOfPartialBlocks(model);
    if (partial > 0) output.remark(`the rows of ${partial} matrices are no whole blocks of ${blockColumns}, so that these stay in f32`);
    const paths = await targets.gguf.write({ ...source, weights: watched(source, "quantizing", output) }, wanted, { dtype, splitMaxSize });
    const [out] = paths;
    const written = await openModel(out);
    try {
      const error = await relativeError(model, written.weights, watched(source, "comparing", output));
      output.endPanel();
      const bytes = await bytesIn(paths);
      const share = ((100 * bytes) / originalBytes).toPrecision(3);
      output.text(`${formatBytes(bytes)} are in ${out}: ${share}% of the model's ${formatBytes(originalBytes)}.\n`);
      output.text(`As ${dtypeName(dtype)} the weights differ from the model's by ${(100 * error).toPrecision(3)}%: ‖a − b‖ / ‖b‖ over all matrices.\n`);
      output.record({ relativeError: error, originalBytes });
      output.record({ done: true, out, bytes, dtype });
    } finally {
      await written.weights.close();
    }
  });
}

/** Columns that share a scale. */
const blockColumns = 32;

function matricesOfPartialBlocks(model: GPT): number {
  const isQuantized = (path: string, { length }: readonly number[]): boolean => length > 1 && !/^positionEmbedding\.|\.router\.|\.bias$/.test(path);
  return Array.from(model.namedWeights()).filter(([path, { shape }]) => isQuantized(path, shape) && shape[shape.length - 1] % blockColumns > 0).length;
}
