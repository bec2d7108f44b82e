import { setTimeout } from "node:timers/promises";
import { Sample } from "./sample.ts";

/** Measures for a while, and returns the times of what it did. */
export type Turn = () => Promise<readonly number[]>;

/** Threads of the side before may still look for work; after so many milliseconds they sleep. */
const pause = 30;

/**
 * Lets sides measure one after the other, again and again, so that what disturbs the machine disturbs all. A first round
 * warms up and does not count.
 */
export async function alternate<Name>(turns: ReadonlyMap<Name, Turn>, rounds: number): Promise<Map<Name, Sample>> {
  const times = new Map(Array.from(turns.keys(), (name) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, turn] of turns) {
      const measured = await turn();
      if (round > 0) times.get(name)?.push(...measured);
      await setTimeout(pause);
    }
  }
  return new Map(Array.from(times, ([name, values]) => [name, new Sample(values)]));
}
