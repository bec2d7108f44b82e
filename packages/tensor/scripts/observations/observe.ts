import { failures } from "./failures.ts";
import { limits } from "./limits.ts";
import { memory } from "./memory.ts";
import { recording } from "./recording.ts";

/** What is seen of the WebGPU backend on a device: tests, in another process than this is run in, say what is expected. */
const observations = { ...recording, ...memory, ...failures, ...limits };

export type Observations = typeof observations;
export type Observation = keyof Observations;

/** What was seen, as JSON, or the error that came of looking. */
export type Seen = { readonly [Name in Observation]?: { readonly value?: unknown; readonly problem?: string } };

/** Makes these observations, one after the other. */
export async function observe(names: readonly Observation[]): Promise<Seen> {
  const seen: Record<string, { value?: unknown; problem?: string }> = {};
  for (const name of names) {
    seen[name] = await observations[name]().then(
      (value) => ({ value }),
      (error: unknown) => ({ problem: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  }
  return seen;
}
