import { Command } from "commander";
import { readText } from "@gpt/train/node";
import { measure } from "../../bench/measure.ts";
import { report } from "../../bench/report.ts";
import { formatCount } from "../../format.ts";
import { decimal, path, paths } from "../../options.ts";
import { Output } from "../../output.ts";
import { resolveTokenizer } from "../../tokenizers.ts";

interface Options {
  readonly tokenizer: string;
  readonly data: string[];
  readonly seconds: number;
  readonly json?: boolean;
}

export function benchTokenizeCommand(): Command {
  return new Command("tokenize")
    .description("Turning text into token ids, on one thread")
    .requiredOption("--data <files...>", "text files", paths)
    .option("--tokenizer <name>", "gpt2, cl100k_base, o200k_base, …, a folder, or OWNER/NAME on the Hugging Face hub", path, "gpt2")
    .option("--seconds <s>", "how long to measure", decimal(), 3)
    .option("--json", "print one JSON object: mbPerSecond, tokens, …")
    .addHelpText("after", "\nExample:\n  gpt bench tokenize --tokenizer o200k_base --data book.txt")
    .action(benchTokenize);
}

async function benchTokenize(options: Options): Promise<void> {
  const output = new Output(options);
  const tokenizer = await resolveTokenizer(options.tokenizer, output);
  const pieces: string[] = [];
  for await (const piece of readText(options.data)) pieces.push(piece);
  const bytes = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
  let tokens = 0;
  const times = await measure(options.seconds, () => {
    tokens = 0;
    for (const piece of pieces) tokens += tokenizer.encode(piece, { disallowedSpecial: [] }).length;
  });
  const mbPerSecond = bytes / times.median / 1000;
  report(output, {
    title: `${options.tokenizer} on ${formatCount(bytes)} bytes`,
    line: `${mbPerSecond.toFixed(1)} MB/s, ${formatCount(tokens)} tokens, median of ${times.count} rounds`,
    figures: { mbPerSecond, bytes, tokens, rounds: times.count },
  });
}
