/** A prompt and what answers it. */
export interface WritingRecord {
  readonly prompt: string;
  readonly completion: string;
}

export interface ChatRecord {
  readonly messages: readonly { readonly role: "system" | "user" | "assistant"; readonly content: string }[];
}

/** So many different ones: the first `train` to learn of, the others to test on. No example is on both sides. */
export function splitOf<T>(records: Iterable<T>, train: number, test: number): { readonly train: T[]; readonly test: T[] } {
  const found = new Map<string, T>();
  for (const record of records) {
    found.set(JSON.stringify(record), record);
    if (found.size === train + test) break;
  }
  const all = [...found.values()];
  return { train: all.slice(0, train), test: all.slice(train) };
}
