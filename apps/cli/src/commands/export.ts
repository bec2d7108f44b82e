import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Command, Option } from "commander";
import type { WeightDType } from "@gpt/tensor";
import { publishFiles } from "@gpt/formats/node";
import { htmlFile } from "@gpt/generate/html";
import { watched, withSource } from "../conversion/source.ts";
import { dtypeChoices } from "../dtypes.ts";
import { CommandError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { path } from "../options.ts";
import { Output } from "../output.ts";

interface Options {
  readonly model: string;
  readonly out: string;
  readonly dtype: WeightDType;
  readonly json?: boolean;
}

const examples = `
Examples:
  gpt export --html --model runs/stories --out stories.html
  gpt export --html --model openai-community/gpt2 --dtype int4 --out gpt2.html`;

export function exportCommand(): Command {
  const dtype = new Option("--dtype <name>", "how matrices are stored: int8 is hard to tell from f32, int4 is half of it and costs some quality");
  return new Command("export")
    .description("Write a model as one file that runs by itself")
    .requiredOption("--html", "an HTML file, which writes when a browser opens it from disk: no server, no network")
    .requiredOption("--model <dir>", "a model's folder, a training run's, a GGUF file, or OWNER/NAME on the Hugging Face hub", path)
    .requiredOption("--out <path>", "the file, NAME.html, or a folder, in which it is named after the model", path)
    .addOption(dtypeChoices(dtype, ["int8", "int4"]).default("int8"))
    .option("--json", "print one JSON object: {done, out, bytes, dtype}")
    .addHelpText("after", examples)
    .action(exportModel);
}

async function exportModel({ model: given, out: wanted, dtype, json }: Options): Promise<void> {
  const output = new Output({ json });
  await withSource(given, output, async (source) => {
    const { name, title, license, model, tokenizer } = source;
    if (!tokenizer) throw new CommandError(`${given} has no tokenizer, and a page takes and writes texts; put the model's tokenizer.json beside it`);
    const { byteLength, chunks } = htmlFile(model, tokenizer, { weights: watched(source, "exporting", output), dtype, name: title, license });
    const status = await stat(wanted).catch(() => undefined);
    const out = status?.isDirectory() ? join(wanted, `${name}.html`) : wanted;
    await publishFiles(dirname(out), [{ name: basename(out), chunks }]);
    output.endPanel();
    output.text(`${formatBytes(byteLength)} are in ${out}: open it in a browser.\n`);
    output.record({ done: true, out, bytes: byteLength, dtype });
  });
}
