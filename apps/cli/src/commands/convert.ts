import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Command, Option } from "commander";
import type { GPT, ModelPlan } from "@gpt/gpt";
import type { ONNXDType } from "@gpt/gpt/onnx";
import { saveModel, writeGGUF } from "@gpt/gpt/node";
import { tokenizerFiles } from "@gpt/tokenizer";
import type { Tokenizer } from "@gpt/tokenizer";
import { loadTokenizer } from "@gpt/tokenizer/node";
import { UsageError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { runningNeed } from "../memory.ts";
import type { Need } from "../memory.ts";
import { openModel } from "../model.ts";
import { path } from "../options.ts";
import { Output } from "../output.ts";
import { hasTokenizer } from "../tokenizers.ts";

/** What a model can be converted to. */
interface Target {
  /** As what it stores matrices: the first one is the default. */
  readonly dtypes: readonly [StoredDType, ...StoredDType[]];
  /** Whether what the model has in few bits is not decoded: it goes out as it is, or is converted while it is written. */
  readonly takesPacked?: boolean;
  write(model: GPT, to: Destination): Promise<void>;
}

interface Destination {
  readonly out: string;
  readonly dtype: StoredDType;
  /** The model's tokenizer, where it has one. */
  readonly tokenizer: Tokenizer | undefined;
}

type StoredDType = "f32" | "f16" | "bf16" | "int8" | "int4" | "mxfp4";

const targets = {
  hf: {
    dtypes: ["f32"],
    write: (model, { out, tokenizer }) => saveModel(model, out, { extraFiles: filesOf(tokenizer) }),
  },
  onnx: {
    dtypes: ["f32", "int8"],
    write: async (model, { out, dtype, tokenizer }) => {
      const { saveONNX } = await import("@gpt/gpt/onnx/node");
      await saveONNX(model, out, { dtype: dtype as ONNXDType, extraFiles: filesOf(tokenizer) });
    },
  },
  gguf: {
    dtypes: ["f32", "f16", "bf16", "int8", "int4", "mxfp4"],
    takesPacked: true,
    write: async (model, { out, dtype, tokenizer }) => {
      const { tokenizerToGGUF } = await import("@gpt/tokenizer/gguf");
      await writeGGUF(model, out, { dtype, tokenizer: tokenizer && tokenizerToGGUF(tokenizer, { vocabSize: model.config.vocabSize }) });
    },
  },
} as const satisfies Record<string, Target>;

function filesOf(tokenizer: Tokenizer | undefined): Readonly<Record<string, string>> {
  return tokenizer ? Object.fromEntries(tokenizerFiles(tokenizer)) : {};
}

type TargetName = keyof typeof targets;

/** The names that dtypes may have here, GGUF's among them. */
const dtypes: Readonly<Record<string, StoredDType>> = {
  f32: "f32", f16: "f16", bf16: "bf16", int8: "int8", q8_0: "int8", int4: "int4", q4_0: "int4", mxfp4: "mxfp4",
};

interface Options {
  readonly model: string;
  readonly to: TargetName;
  readonly out: string;
  readonly dtype?: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  gpt convert --model runs/stories --to onnx --out stories-onnx --dtype int8
  gpt convert --model runs/stories --to gguf --out stories.gguf --dtype q8_0
  gpt convert --model llama.gguf --to hf --out llama`;

export function convertCommand(): Command {
  const to = new Option("--to <kind>", "hf: a folder in the Hugging Face layout; onnx: one for ONNX Runtime and transformers.js; gguf: a file for llama.cpp");
  const dtype = new Option("--dtype <name>", "how matrices are stored: f32, for onnx int8 (q8_0), for gguf f16, bf16, int8 (q8_0), int4 (q4_0) and mxfp4");
  return new Command("convert")
    .description("Write a model for other programs")
    .requiredOption("--model <dir>", "a model's folder, a training run's, a GGUF file, or OWNER/NAME on the Hugging Face hub", path)
    .addOption(to.choices(Object.keys(targets)).makeOptionMandatory())
    .requiredOption("--out <path>", "the folder to write to, or the file for gguf", path)
    .addOption(dtype.choices(Object.keys(dtypes)))
    .option("--json", "print one JSON object: {done, out, bytes, dtype}")
    .addHelpText("after", examples)
    .action(convert);
}

async function convert(options: Options): Promise<void> {
  const output = new Output(options);
  const { to, out } = options;
  const target: Target = targets[to];
  const dtype = options.dtype === undefined ? target.dtypes[0] : dtypes[options.dtype];
  if (!target.dtypes.includes(dtype)) {
    throw new UsageError(`--to ${to} stores matrices as ${target.dtypes.join(" or ")}, not ${dtype}`);
  }
  // Nothing is computed: JavaScript's memory has no limit but the machine's.
  const place = { model: options.model, backend: "cpu", dtype: target.takesPacked ? undefined : dtype, stream: false };
  const need = ({ config, dtypes }: ModelPlan): Need =>
    ({ ...runningNeed(config, dtypes, 0), advice: "convert it on a machine with more memory" });
  const { model, directory } = await openModel(place, need, output);
  const tokenizer = (await hasTokenizer(directory)) ? await loadTokenizer(directory) : undefined;
  await target.write(model, { out, dtype, tokenizer });
  const bytes = await bytesIn(out);
  output.text(`${formatBytes(bytes)} are in ${out}\n`);
  output.record({ done: true, out, bytes, dtype });
}

/** The bytes of a file, or of all files in a folder. */
async function bytesIn(folder: string): Promise<number> {
  const status = await stat(folder);
  if (status.isFile()) return status.size;
  let total = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) total += (await stat(join(entry.parentPath, entry.name))).size;
  }
  return total;
}
