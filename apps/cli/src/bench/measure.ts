/** Times of repeated work, sorted. */
export class Times {
  readonly #milliseconds: readonly number[];

  constructor(milliseconds: readonly number[]) {
    this.#milliseconds = milliseconds.toSorted((a, b) => a - b);
  }

  get median(): number {
    const times = this.#milliseconds;
    return (times[(times.length - 1) >> 1] + times[times.length >> 1]) / 2;
  }

  get min(): number {
    return this.#milliseconds[0];
  }

  get max(): number {
    return this.#milliseconds[this.#milliseconds.length - 1];
  }

  get count(): number {
    return this.#milliseconds.length;
  }
}

/** Rounds that warm up caches and compilers, and rounds that count at least. */
const [warmUp, minRounds] = [2, 5];

/**
 * Runs some work for about `seconds`, often enough for a median, and times each round. `begin` is called
 * before the first round that counts.
 */
export async function measure(seconds: number, work: () => unknown, begin?: () => unknown): Promise<Times> {
  const round = async (): Promise<number> => {
    const start = performance.now();
    await work();
    return performance.now() - start;
  };
  return new Times(await repeat(seconds, round, begin));
}

/** As `measure`, but gives what each round returned. */
export async function repeat<T>(seconds: number, work: () => Promise<T>, begin?: () => unknown): Promise<T[]> {
  for (let round = 0; round < warmUp; round++) await work();
  await begin?.();
  const results: T[] = [];
  const end = performance.now() + seconds * 1000;
  while (results.length < minRounds || performance.now() < end) results.push(await work());
  return results;
}
