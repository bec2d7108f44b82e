/** The lines of a `metrics.jsonl` without what differs between two runs that are alike. */
export function timeless(text: string): Record<string, unknown>[] {
  return text.trimEnd().split("\n").map((line) => {
    const { time, tokensPerSecond, seconds, ...rest } = JSON.parse(line) as Record<string, unknown>;
    if (typeof time !== "string" || Number.isNaN(Date.parse(time)) || !Number.isFinite(tokensPerSecond ?? seconds ?? 0)) throw new Error(line);
    return rest;
  });
}
