import { Sample } from "./sample.ts";

/** Measures for a while, and returns the times of what it did. */
export type Turn = () => Promise<readonly number[]>;

/** Threads of the contender before may still look for work; after so many milliseconds they sleep. */
const pause = 20;

/**
 * Contenders that have no more turns than the first, if they are so many times slower there than the fastest: they would only
 * make all others wait.
 */
export interface Hopeless<Name> {
  readonly names: readonly Name[];
  readonly factor: number;
}

/**
 * Lets contenders measure one after the other, again and again, so that what disturbs the machine disturbs all. A first round
 * warms up and does not count.
 */
export async function alternate<Name>(
  turns: ReadonlyMap<Name, Turn>,
  rounds: number,
  hopeless?: Hopeless<Name>,
): Promise<Map<Name, Sample>> {
  const times = new Map<Name, readonly number[]>();
  const takeTurn = async (turn: Turn): Promise<readonly number[]> => {
    const measured = await turn();
    await new Promise((resolve) => setTimeout(resolve, pause));
    return measured;
  };
  for (const [name, turn] of turns) times.set(name, await takeTurn(turn));
  const min = (name: Name): number => Math.min(...(times.get(name) ?? []));
  const fastest = Math.min(...Array.from(turns.keys(), min));
  const isHopeless = (name: Name): boolean =>
    hopeless !== undefined && hopeless.names.includes(name) && min(name) > hopeless.factor * fastest;
  const others = [...turns].filter(([name]) => !isHopeless(name));
  for (const [name] of others) times.set(name, []);
  for (let round = 0; round < rounds; round++) {
    for (const [name, turn] of others) times.set(name, [...(times.get(name) ?? []), ...(await takeTurn(turn))]);
  }
  return new Map(Array.from(times, ([name, values]) => [name, new Sample(values)]));
}
