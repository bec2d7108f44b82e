import { Command, Option } from "commander";
import type { EncodeOptions, Tokenizer } from "@gpt/tokenizer";
import { countTokens } from "@gpt/train/node";
import { UsageError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { idList, path, paths } from "../options.ts";
import { Output } from "../output.ts";
import { readStandardInput } from "../standard-input.ts";
import { resolveTokenizer } from "../tokenizers.ts";

interface Options {
  readonly tokenizer: string;
  readonly data?: string[];
  readonly count?: boolean;
  readonly decode?: boolean;
  readonly specialTokens?: boolean;
  readonly addSpecialTokens?: boolean;
  readonly json?: boolean;
}

export function tokenizeCommand(): Command {
  return new Command("tokenize")
    .description("Turn text into token ids, or ids into text, or count tokens")
    .argument("[text]", "the text, or with --decode the ids; default: standard input")
    .requiredOption("--tokenizer <name>", "gpt2, cl100k_base, o200k_base, o200k_harmony, …, a folder, or OWNER/NAME on the Hugging Face hub", path)
    .option("--count", "print the number of tokens alone")
    .option("--data <files...>", "with --count: text files of any size", paths)
    .addOption(new Option("--decode", "turn ids, separated by commas or spaces, into text").conflicts(["count", "data"]))
    .option("--special-tokens", "special tokens that the text spells out become their ids; else they are plain text")
    .addOption(
      new Option("--add-special-tokens", "add the tokens that the tokenizer puts around a text, such as <s>").conflicts(["decode", "data"]),
    )
    .option("--json", "print one JSON object: tokens and count, or text")
    .addHelpText(
      "after",
      '\nExamples:\n  gpt tokenize --tokenizer gpt2 "Hello, world"\n  gpt tokenize --tokenizer gpt2 --data book.txt --count',
    )
    .action(tokenize);
}

async function tokenize(argument: string | undefined, options: Options): Promise<void> {
  const { data, count, decode, specialTokens = false, addSpecialTokens = false } = options;
  if (data && !count) throw new UsageError("files are counted alone: add --count, or give a text by standard input");
  if (data && argument !== undefined) throw new UsageError("give either a text or --data");
  const output = new Output(options);
  const tokenizer = await resolveTokenizer(options.tokenizer, output);
  if (data) return showCount(await countFiles(data, tokenizer, specialTokens, output), output);
  const input = argument ?? (await readStandardInput());
  if (decode) {
    const text = tokenizer.decode(idList(input));
    output.text(`${text}\n`);
    output.record({ text });
    return;
  }
  const special: EncodeOptions = specialTokens ? { allowedSpecial: "all" } : { disallowedSpecial: [] };
  const tokens = tokenizer.encode(input, { ...special, addSpecialTokens });
  if (count) return showCount(tokens.length, output);
  output.text(`${tokens.join(" ")}\n`);
  output.record({ tokens, count: tokens.length });
}

async function countFiles(
  files: readonly string[],
  tokenizer: Tokenizer,
  specialTokens: boolean,
  output: Output,
): Promise<number> {
  const count = await countTokens(files, tokenizer, {
    specialTokens,
    onProgress: ({ bytes, totalBytes }) => output.progress(`tokenised ${formatBytes(bytes)} of ${formatBytes(totalBytes)}`),
  });
  output.endPanel();
  return count;
}

function showCount(count: number, output: Output): void {
  output.text(`${count}\n`);
  output.record({ count });
}
