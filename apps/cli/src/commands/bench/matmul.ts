import { Command } from "commander";
import { matmul, rand, scope } from "@gpt/tensor";
import { addBackendOptions, profileOption, startBackend } from "../../backend.ts";
import type { BackendOptions, ProfileOptions } from "../../backend.ts";
import { measure } from "../../bench/measure.ts";
import { profileOf, Profiler } from "../../bench/profile.ts";
import { report } from "../../bench/report.ts";
import { checkMemory } from "../../memory.ts";
import { decimal, wholeNumber } from "../../options.ts";
import { Output } from "../../output.ts";

interface Options extends BackendOptions, ProfileOptions {
  readonly size: number;
  readonly seconds: number;
  readonly json?: boolean;
}

export function benchMatmulCommand(): Command {
  const command = new Command("matmul")
    .description("The product of two square f32 matrices")
    .option("--size <n>", "rows and columns of each", wholeNumber(1), 1024)
    .option("--seconds <s>", "how long to measure", decimal(), 3);
  return addBackendOptions(command)
    .addOption(profileOption())
    .option("--json", "print one JSON object: gflops, milliseconds, …")
    .addHelpText("after", "\nExample:\n  gpt bench matmul --size 1024 --threads 1")
    .action(benchMatmul);
}

async function benchMatmul(options: Options): Promise<void> {
  const { size, seconds } = options;
  const output = new Output(options);
  const backend = await startBackend(options, output);
  checkMemory({ parts: { "three matrices": 12 * size ** 2 }, largest: 4 * size ** 2, advice: "choose a smaller --size" }, backend, output);
  const profiler = Profiler.of(backend, options);
  const [a, b] = [0, 1].map((stream) => rand([size, size], { key: { seed: [0, 0], stream: [stream, 0] } }));
  const multiply = (): Promise<unknown> => {
    scope(() => matmul(a, b));
    return backend.read({ ...corner, buffer: a.buffer }); // Backends may compute later than they are asked.
  };
  const times = await measure(seconds, multiply, () => profiler?.begin());
  const gflops = (milliseconds: number): number => (2 * size ** 3) / milliseconds / 1e6;
  report(output, {
    title: `${size} × ${size} × ${size}`,
    line: `${gflops(times.median).toFixed(1)} GFLOP/s, median of ${times.count} rounds of ${times.median.toFixed(2)} ms`,
    figures: {
      gflops: gflops(times.median),
      milliseconds: times.median,
      minGflops: gflops(times.max),
      maxGflops: gflops(times.min),
      rounds: times.count,
    },
    backend,
    profile: profileOf("product", times.count, [await profiler?.end()]),
  });
}

/** One element, to be read. */
const corner = { offset: 0, shape: [1], strides: [1], dtype: "f32" } as const;
