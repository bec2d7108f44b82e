import type { GPTConfig } from "@gpt/gpt";
import { splitTokens } from "@gpt/train";
import type { Example, TokenSource, TrainingData } from "@gpt/train";
import { areTokenFiles, findTextFiles, openTokens } from "../data.ts";
import type { OpenTokens } from "../data.ts";
import { formatCount } from "../format.ts";
import type { Output } from "../output.ts";
import type { FinetuneOptions } from "./options.ts";

/** What is learnt from files of token ids. */
export interface TokenExamples {
  readonly train: readonly Example[];
  readonly validation: readonly Example[];
}

/** Examples of files of token ids, as of one long document; undefined where the data are none. */
export async function readTokenExamples(options: FinetuneOptions, config: GPTConfig, output: Output): Promise<TokenExamples | undefined> {
  const { task, data, validation, validationShare, context = config.contextLength } = options;
  if (task !== "lm") return undefined;
  const files = await findTextFiles(data.filter((path) => path.endsWith(".bin")));
  if (files.length === 0) return undefined;
  areTokenFiles(data);
  const opened: OpenTokens[] = [];
  const open = async (paths: readonly string[]): Promise<TokenSource> => {
    const tokens = await openTokens(paths, undefined, config.vocabSize, output);
    opened.push(tokens);
    return tokens;
  };
  try {
    const whole = await open(files);
    const sides: TrainingData = validation
      ? { train: whole, validation: await open(await findTextFiles(validation)) }
      : validationShare > 0 ? splitTokens(whole, { validationFraction: validationShare }) : { train: whole };
    const [train, others] = [await piecesOf(sides.train, context), sides.validation ? await piecesOf(sides.validation, context) : []];
    output.note(`${formatCount(sides.train.length)} tokens to train on, ${formatCount(sides.validation?.length ?? 0)} to validate on`);
    return { train, validation: others };
  } finally {
    for (const tokens of opened) await tokens.close();
  }
}

/** Pieces of as many tokens as a model reads, each of which begins with the last token of the one before. */
async function piecesOf(source: TokenSource, context: number): Promise<Example[]> {
  const pieces: Example[] = [];
  for (let start = 0; start + 1 < source.length; start += context) {
    pieces.push({ ids: await source.read(start, Math.min(context + 1, source.length - start)) });
  }
  return pieces;
}
