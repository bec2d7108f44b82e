import { Command } from "commander";
import type { EncodeOptions } from "@gpt/tokenizer";
import { idList, path } from "../options.ts";
import { Output } from "../output.ts";
import { readStandardInput } from "../standard-input.ts";
import { resolveTokenizer } from "../tokenizers.ts";

interface Options {
  readonly tokenizer: string;
  readonly decode?: boolean;
  readonly specialTokens?: boolean;
  readonly json?: boolean;
}

export function tokenizeCommand(): Command {
  return new Command("tokenize")
    .description("Turn text into token ids, or ids into text")
    .argument("[text]", "the text, or with --decode the ids; default: standard input")
    .requiredOption("--tokenizer <name>", "gpt2, cl100k_base, o200k_base, o200k_harmony, …, or a folder", path)
    .option("--decode", "turn ids, separated by commas or spaces, into text")
    .option("--special-tokens", "special tokens that the text spells out become their ids; else they are plain text")
    .option("--json", "print one JSON object: tokens and count, or text")
    .addHelpText("after", '\nExample:\n  gpt tokenize --tokenizer gpt2 "Hello, world"')
    .action(tokenize);
}

async function tokenize(argument: string | undefined, options: Options): Promise<void> {
  const tokenizer = await resolveTokenizer(options.tokenizer);
  const input = argument ?? (await readStandardInput());
  const output = new Output(options);
  if (options.decode) {
    const text = tokenizer.decode(idList(input));
    output.text(`${text}\n`);
    output.record({ text });
  } else {
    const special: EncodeOptions = options.specialTokens ? { allowedSpecial: "all" } : { disallowedSpecial: [] };
    const tokens = tokenizer.encode(input, special);
    output.text(`${tokens.join(" ")}\n`);
    output.record({ tokens, count: tokens.length });
  }
}
