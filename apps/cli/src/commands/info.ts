import { Command, Option } from "commander";
import { describeModel, describeTraining, preset, presetNames, proposeSplits, weightBytesOf } from "@gpt/gpt";
import type { GPTConfig, ModelPlan } from "@gpt/gpt";
import { planModel, resolveModelDirectory } from "@gpt/gpt/node";
import { isHubName } from "@gpt/formats/node";
import { UsageError } from "../errors.ts";
import { exists } from "../files.ts";
import { formatDevices } from "../info/devices.ts";
import { fitThisMachine, machineRows } from "../info/machine.ts";
import { modelRows } from "../info/model.ts";
import { formatRows } from "../info/rows.ts";
import { downloadOptions } from "../model.ts";
import { memorySize, path, wholeNumber } from "../options.ts";
import { Output } from "../output.ts";

interface Options {
  readonly preset?: string;
  readonly model?: string;
  readonly batch?: number;
  readonly context?: number;
  readonly devices?: number;
  readonly deviceMemory?: number;
  readonly json?: boolean;
}

const examples = `
Examples:
  gpt info --preset gpt2
  gpt info --preset gpt3-175b --devices 1024 --device-memory 80GB`;

export function infoCommand(): Command {
  return new Command("info")
    .description("Show what a model is made of, what it takes to train and to run it, and how to divide it among devices")
    .addOption(new Option("--preset <name>", `a known model: ${presetNames.join(", ")}`).conflicts("model"))
    .option("--model <dir>", "a model's folder, a training run's, or OWNER/NAME on the Hugging Face hub", path)
    .option("--batch <n>", "sequences that are trained on at once; default 1", wholeNumber(1))
    .option("--context <n>", "tokens of each; default: the model's context, at most 4096", wholeNumber(1))
    .option("--devices <n>", "propose how to split the model across this number of GPUs; default 1", wholeNumber(1, 2 ** 20))
    .option("--device-memory <size>", "memory of each, as 80GB", memorySize)
    .option("--json", "print one JSON object: parameters, flopsPerToken, training, weightBytes, cacheBytes, machine, …")
    .addHelpText("after", examples)
    .action(info);
}

async function info(options: Options): Promise<void> {
  const { batch, context, devices = 1, deviceMemory } = options;
  if (options.devices !== undefined && deviceMemory === undefined) {
    throw new UsageError("--devices needs the memory of each: add --device-memory, such as 80GB");
  }
  const output = new Output(options);
  const { config, dtypes } = await planOf(options, output);
  checkContext(context, config);
  const description = describeModel(config);
  const training = describeTraining(config, { batch, context });
  const { parameters: { total, ...parametersByPart }, ...rest } = description;
  const stored = dtypes && { dtypes, bytes: weightBytesOf(config, dtypes) };
  const machine = fitThisMachine(config, dtypes, training);
  const plan = deviceMemory === undefined ? undefined : proposeSplits(config, { devices, deviceBytes: deviceMemory, batch, context });
  output.record({
    parameters: total, parametersByPart, ...rest, training, ...(stored ? { stored } : {}), machine, ...(plan ? { devices: plan } : {}), config,
  });
  const { columns } = process.stdout;
  output.text(formatRows([...modelRows(config, description, training, stored), ["", ""], ...machineRows(machine, description.cacheBytes.f32)], columns));
  if (plan) output.text(formatDevices(plan, config.blocks.length, columns));
}

/** Tokens beyond the context are a mistake of the command line. */
function checkContext(context: number | undefined, { contextLength }: GPTConfig): void {
  if (context === undefined || context <= contextLength) return;
  throw new UsageError(`--context ${context} exceeds the model's context of ${contextLength}`);
}

/** A model as parts, and, of a folder that has some of its matrices in few bits, as what all of them are stored. */
async function planOf({ preset: name, model }: Options, output: Output): Promise<Pick<ModelPlan, "config"> & Partial<ModelPlan>> {
  if (name !== undefined) return { config: preset(name) };
  if (model === undefined) throw new UsageError("give either --preset or --model");
  // Of a model on the hub its configuration is enough, of GGUF the header.
  const path = isHubName(model) && !(await exists(model)) ? model : await resolveModelDirectory(model);
  const { config, dtypes } = await planModel(path, downloadOptions(output));
  output.endPanel();
  return Object.values(dtypes).some((dtype) => dtype !== "f32") ? { config, dtypes } : { config };
}
