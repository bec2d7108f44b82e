import { Command } from "commander";
import { scope, tensor } from "@gpt/tensor";
import { GPT, preset } from "@gpt/gpt";
import { AdamW } from "@gpt/train";
import { addBackendOptions, profileOption, startBackend } from "../../backend.ts";
import type { BackendOptions, ProfileOptions } from "../../backend.ts";
import { measure } from "../../bench/measure.ts";
import { profileOf, Profiler } from "../../bench/profile.ts";
import { randomTokens } from "../../bench/random.ts";
import { report } from "../../bench/report.ts";
import { formatBytes, formatCount } from "../../format.ts";
import { checkMemory, windowsNeed } from "../../memory.ts";
import { decimal, wholeNumber, windowList } from "../../options.ts";
import { Output } from "../../output.ts";

interface Options extends BackendOptions, ProfileOptions {
  readonly preset: string;
  readonly layers?: number;
  readonly heads?: number;
  readonly dim?: number;
  readonly vocabSize?: number;
  readonly context?: number;
  readonly windows?: (number | null)[];
  readonly batch: number;
  readonly dropout: number;
  readonly seconds: number;
  readonly json?: boolean;
}

export function benchTrainCommand(): Command {
  const command = new Command("train")
    .description("A training step: forward, backward, clipping, AdamW")
    .option("--preset <name>", "a known model: gpt2, gpt2-medium, …; the sizes below change it", "nano")
    .option("--layers <n>", "decoder blocks", wholeNumber(1))
    .option("--heads <n>", "attention heads of each block", wholeNumber(1))
    .option("--dim <n>", "width of the residual stream", wholeNumber(1))
    .option("--vocab-size <n>", "entries of the vocabulary", wholeNumber(1))
    .option("--context <n>", "tokens of a window", wholeNumber(1))
    .option("--windows <list>", "tokens that blocks see, in turn: dense,256 for every second one; default: the preset's", windowList)
    .option("--batch <n>", "sequences of a step", wholeNumber(1), 12)
    .option("--dropout <p>", "share of activations dropped", decimal(0, 1), 0)
    .option("--seconds <s>", "how long to measure", decimal(), 5);
  return addBackendOptions(command)
    .addOption(profileOption())
    .option("--json", "print one JSON object: msPerStep, tokensPerSecond, peakBytes, …")
    .addHelpText("after", "\nExample:\n  gpt bench train --preset gpt2 --batch 4 --context 64")
    .action(benchTrain);
}

async function benchTrain(options: Options): Promise<void> {
  const { layers, heads, dim, vocabSize, context, windows, batch, dropout, seconds } = options;
  const config = preset(options.preset, {
    layers, heads, dim, vocabSize, contextLength: context, windows, dropout, embeddingDropout: dropout, attentionDropout: dropout,
  });
  const output = new Output(options);
  const backend = await startBackend(options, output);
  const advice = "choose a smaller model, --batch or --context";
  checkMemory({ ...(await windowsNeed(config, { steps: 1, batchSize: batch })), advice }, backend, output);
  const profiler = Profiler.of(backend, options);
  const model = new GPT(config);
  const optimizer = new AdamW(model.namedParameters(), { learningRate: 1e-4 });
  const shape = [batch, config.contextLength];
  const tokens = randomTokens(batch * config.contextLength + 1, config.vocabSize);
  const [ids, targets] = [tokens.slice(0, -1), tokens.slice(1)].map((values) => tensor(values, { shape }));
  let step = 0;
  const takeStep = async (): Promise<void> => {
    model.random.startStep(++step);
    optimizer.zeroGrad();
    scope(() => {
      model.loss(ids, targets).backward();
    });
    optimizer.step({ clip: 1 });
    await optimizer.gradientNorm.item();
  };
  const times = await measure(seconds, takeStep, () => profiler?.begin());
  const { peakBytes } = backend.memory;
  const tokensPerSecond = (ids.size / times.median) * 1000;
  report(output, {
    title: `${formatCount(model.parameterCount())} parameters, ${shape.join(" × ")} tokens`,
    line:
      `${times.median.toFixed(1)} ms a step, ${formatCount(tokensPerSecond)} tokens/s, ` +
      `peak ${formatBytes(peakBytes)}, median of ${times.count} steps`,
    figures: {
      msPerStep: times.median,
      tokensPerSecond,
      peakBytes,
      minMsPerStep: times.min,
      maxMsPerStep: times.max,
      steps: times.count,
      parameters: model.parameterCount(),
    },
    backend,
    profile: profileOf("step", times.count, [await profiler?.end()]),
  });
}
