import type { GPUReport } from "./ours-backend.ts";

/** Reads a prompt and continues it with the best tokens. */
export interface DecodingTask {
  readonly prompt: readonly number[];
  readonly tokens: number;
}

export interface DecodingResult {
  readonly ids: readonly number[];
  /** Milliseconds until each token since the one before, the first since the start. */
  readonly times: readonly number[];
  /** What our backend did for all tokens, where it runs on a GPU. */
  readonly gpu?: GPUReport;
}

/** Takes the time of a stream's tokens, as many as are asked for. */
export async function timeTokens(stream: AsyncIterable<number>, count: number): Promise<DecodingResult> {
  const ids: number[] = [];
  const times: number[] = [];
  let last = performance.now();
  for await (const id of stream) {
    const now = performance.now();
    times.push(now - last);
    last = now;
    if (ids.push(id) === count) break;
  }
  return { ids, times };
}
