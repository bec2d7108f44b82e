import { Command } from "commander";
import { streamTokens } from "@gpt/generate";
import { GPT, preset } from "@gpt/gpt";
import { addBackendOptions, dtypeOption, profileOption, startBackend } from "../../backend.ts";
import type { BackendOptions, DTypeOptions, ProfileOptions } from "../../backend.ts";
import { repeat, Times } from "../../bench/measure.ts";
import { profileOf, Profiler } from "../../bench/profile.ts";
import { randomTokens } from "../../bench/random.ts";
import { report } from "../../bench/report.ts";
import { UsageError } from "../../errors.ts";
import { formatBytes, formatCount } from "../../format.ts";
import { checkMemory, runningNeed } from "../../memory.ts";
import { decimal, wholeNumber } from "../../options.ts";
import { Output } from "../../output.ts";

interface Options extends BackendOptions, DTypeOptions, ProfileOptions {
  readonly preset: string;
  readonly prompt: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly json?: boolean;
}

export function benchDecodeCommand(): Command {
  const command = new Command("decode")
    .description("Reading a prompt, and writing token by token")
    .option("--preset <name>", "a known model, with random weights: gpt2, gpt2-medium, …", "gpt2")
    .option("--prompt <n>", "tokens of the prompt", wholeNumber(1), 128)
    .option("--tokens <n>", "tokens to write", wholeNumber(2), 64)
    .option("--seconds <s>", "how long to measure", decimal(), 5);
  return addBackendOptions(command.addOption(dtypeOption()))
    .addOption(profileOption())
    .option("--json", "print one JSON object: prefillTokensPerSecond, decodeTokensPerSecond, …")
    .addHelpText("after", "\nExample:\n  gpt bench decode --preset gpt2 --prompt 128 --tokens 64")
    .action(benchDecode);
}

async function benchDecode(options: Options): Promise<void> {
  const { prompt, tokens: maxTokens, seconds, dtype = "f32" } = options;
  const config = preset(options.preset);
  if (prompt + maxTokens > config.contextLength) {
    throw new UsageError(`${prompt} + ${maxTokens} tokens exceed the model's context of ${config.contextLength}`);
  }
  const output = new Output(options);
  const backend = await startBackend(options, output);
  checkMemory(runningNeed(config, dtype, prompt, "f32"), backend, output);
  const profiler = Profiler.of(backend, options);
  const model = new GPT(config, { dtype });
  const promptIds = Array.from(randomTokens(prompt, config.vocabSize));
  const rounds = await repeat(seconds, async () => {
    const gaps: number[] = [];
    let last = performance.now();
    for await (const event of streamTokens(model, promptIds, { maxTokens, temperature: 0 })) {
      if (event.type === "finish") break;
      gaps.push(performance.now() - last);
      // The prompt was read: from here on it decodes.
      if (gaps.length === 1) await profiler?.begin();
      last = performance.now();
    }
    return { gaps, activity: await profiler?.end() };
  });
  // The first token is there when the prompt was read.
  const prefill = new Times(rounds.map(({ gaps }) => gaps[0]));
  const gap = new Times(rounds.flatMap(({ gaps }) => gaps.slice(1)));
  const prefillTokensPerSecond = (prompt / prefill.median) * 1000;
  const decodeTokensPerSecond = 1000 / gap.median;
  const { peakBytes } = backend.memory;
  report(output, {
    title: `${formatCount(model.parameterCount())} parameters as ${dtype}`,
    line:
      `reads ${formatCount(prefillTokensPerSecond)} tokens/s of a prompt of ${prompt}, writes ` +
      `${decodeTokensPerSecond.toFixed(1)} tokens/s, peak ${formatBytes(peakBytes)}, medians of ${prefill.count} and ${gap.count}`,
    figures: {
      prefillTokensPerSecond,
      decodeTokensPerSecond,
      peakBytes,
      prompt,
      tokens: maxTokens,
      dtype,
      parameters: model.parameterCount(),
    },
    backend,
    profile: profileOf("token", gap.count, rounds.map(({ activity }) => activity)),
  });
}
