import { streamTokens } from "@gpt/generate";
import type { GPT } from "@gpt/gpt";
import { isGptError } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import type { TokenSource } from "@gpt/train";

/** Enough for a line: an evaluation costs far more. */
const maxCharacters = 100;
const maxTokens = 64;
/** The same every time, so that samples differ by what was learnt in between. */
const seed = 0;
const temperature = 0.8;

/**
 * What a model writes in the middle of its training, about a line: how it goes on from the first token of its data,
 * which any data have. Draws nothing from the model's own random numbers and leaves its mode as it is, so that training
 * goes on as it would without. Empty for a model that has diverged: training says so.
 */
export async function writeSample(
  model: GPT,
  tokenizer: Tokenizer,
  data: TokenSource,
  signal?: AbortSignal,
): Promise<string> {
  const tokens = Array.from(await data.read(0, 1));
  const decoder = tokenizer.createDecoder();
  const decode = (id: number): string => (tokenizer.hasToken(id) ? decoder.push(id) : "");
  let text = decode(tokens[0]);
  try {
    const options = { maxTokens, temperature, seed, modelDefaults: false, contextShift: true, signal };
    for await (const event of streamTokens(model, tokens, options)) {
      if (event.type === "token") text += decode(event.id);
      if (text.length >= maxCharacters) break;
    }
  } catch (error) {
    if (isGptError(error) && error.code === "not-a-number") return "";
    throw error;
  }
  return (text + decoder.flush()).trim();
}
