import type { Tokenizer } from "@gpt/tokenizer";
import type { FinishEvent, FinishReason, TextEvent, TokenEvent } from "./events.ts";
import { StopMatcher } from "./stopping.ts";

/** What a stream of text gives. */
export type TextStream = AsyncGenerator<TextEvent | (FinishEvent & { readonly text: "" }), void, undefined>;

/** The text of tokens as they come, up to a text that ends it. */
export async function* decodeTokens(
  stream: AsyncIterable<TokenEvent | FinishEvent>, tokenizer: Tokenizer, stop: string | readonly string[] | undefined,
  told: Pick<FinishEvent, "promptTokens" | "seed">,
): TextStream {
  const decoder = tokenizer.createDecoder();
  const stops = new StopMatcher(stop);
  const tokens: number[] = [];
  let finishReason: FinishReason = "stop";
  for await (const event of stream) {
    if (event.type === "finish") {
      finishReason = event.finishReason;
      break;
    }
    const { id, logProbability } = event;
    tokens.push(id);
    yield { type: "text", text: stops.push(decoder.push(id)), token: { id, logProbability } };
    if (stops.stopped) break;
  }
  const rest = stops.push(decoder.flush()) + stops.flush();
  if (rest !== "") yield { type: "text", text: rest };
  yield { type: "finish", text: "", finishReason, tokens, ...told };
}
