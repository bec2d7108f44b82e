import { Command } from "commander";
import { trainBPE } from "@gpt/tokenizer";
import { saveTokenizer } from "@gpt/tokenizer/node";
import { readText } from "@gpt/train/node";
import { formatCount } from "../format.ts";
import { path, paths, wholeNumber } from "../options.ts";
import { Output } from "../output.ts";

interface Options {
  readonly data: string[];
  readonly out: string;
  readonly vocabSize: number;
  readonly json?: boolean;
}

export function tokenizerCommand(): Command {
  const train = new Command("train")
    .description("Learn a byte-level BPE vocabulary from text files")
    .requiredOption("--data <files...>", "text files", paths)
    .requiredOption("--out <dir>", "the folder to write tokenizer.json to", path)
    .option("--vocab-size <n>", "entries of the vocabulary, 257 or more", wholeNumber(257), 8192)
    .option("--json", "print one JSON object: {done, vocabSize, out}")
    .addHelpText("after", "\nExample:\n  gpt tokenizer train --data book.txt --vocab-size 4096 --out my-tokenizer")
    .action(trainTokenizer);
  return new Command("tokenizer").description("Make tokenizers").addCommand(train);
}

async function trainTokenizer({ data, out, vocabSize, json }: Options): Promise<void> {
  const output = new Output({ json });
  const tokenizer = await trainBPE(readText(data), {
    vocabSize,
    specialTokens: ["<|endoftext|>"],
    onProgress: ({ characters, vocabSize: size }) => {
      const learnt = `learnt ${formatCount(size)} of ${formatCount(vocabSize)} tokens`;
      output.progress(`read ${formatCount(characters)} characters, ${learnt}`);
    },
  });
  await saveTokenizer(tokenizer, out);
  output.note(`A vocabulary of ${tokenizer.vocabSize} tokens is in ${out}`);
  output.record({ done: true, vocabSize: tokenizer.vocabSize, out });
}
