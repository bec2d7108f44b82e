/** Times of one call after another, for about so many milliseconds, and of one at least. */
export async function timeCalls(milliseconds: number, call: () => unknown): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  do {
    const start = performance.now();
    const result = call();
    if (result instanceof Promise) await result;
    times.push(performance.now() - start);
  } while (performance.now() < end);
  return times;
}
