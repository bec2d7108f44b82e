import { failures } from "./failures.ts";
import { limits } from "./limits.ts";
import { memory } from "./memory.ts";
import { recording } from "./recording.ts";

/** What is seen of the WebGPU backend on a device: tests, in another process than this is run in, say what is expected. */
const scenarios = { ...recording, ...memory, ...failures, ...limits };

export type Scenarios = typeof scenarios;
export type Scenario = keyof Scenarios;

/** What was seen, as JSON, or the error that came of looking. */
export type Seen = { readonly [Name in Scenario]?: { readonly value?: unknown; readonly problem?: string } };

/** Makes these scenarios, one after the other. */
export async function runScenario(names: readonly Scenario[]): Promise<Seen> {
  const seen: Record<string, { value?: unknown; problem?: string }> = {};
  for (const name of names) {
    seen[name] = await scenarios[name]().then(
      (value) => ({ value }),
      (error: unknown) => ({ problem: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  }
  return seen;
}
