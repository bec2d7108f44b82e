import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { trainBPE } from "@gpt/tokenizer";
import { serve } from "../harness/serve.ts";

export interface BpeTask {
  readonly file: string;
  readonly vocabSize: number;
}

export interface BpeResult {
  readonly milliseconds: number;
  readonly vocabSize: number;
  /** Different pre-tokens of the text. */
  readonly words: number;
  readonly peakBytes: number;
}

await serve<object, BpeTask>(async () => ({
  version: "@gpt/tokenizer",
  async run({ file, vocabSize }): Promise<BpeResult> {
    let words = 0;
    const start = performance.now();
    const tokenizer = await trainBPE(paragraphs(file), {
      vocabSize,
      onProgress: (progress) => (words = progress.words),
    });
    const milliseconds = performance.now() - start;
    return { milliseconds, words, vocabSize: tokenizer.vocabSize, peakBytes: process.resourceUsage().maxRSS * 1024 };
  },
}));

/** The text of a file in pieces of about a megabyte, cut between lines. */
async function* paragraphs(file: string): AsyncGenerator<string> {
  let piece = "";
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    piece += `${line}\n`;
    if (piece.length < 1e6) continue;
    yield piece;
    piece = "";
  }
  yield piece;
}
