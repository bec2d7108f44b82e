import { readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

/** What a contender's program can do once it has started. */
export interface Served<Task> {
  readonly version: string;
  run(task: Task): unknown;
}

/** Runs a contender's program: see `Contender`. `open` gets the setup. */
export async function serve<Setup, Task>(open: (setup: Setup) => Promise<Served<Task>>): Promise<never> {
  let served: Served<Task> | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      if (served) answer({ result: (await served.run(JSON.parse(line) as Task)) ?? null });
      else {
        served = await open(JSON.parse(line) as Setup);
        answer({ result: served.version });
      }
    } catch (error) {
      answer({ error: error instanceof Error ? error.message.split("\n")[0] : String(error) });
    }
  }
  // Libraries leave threads and timers behind.
  process.exit(0);
}

function answer(message: object): void {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
  for (let written = 0; written < bytes.length;) written += writeSync(3, bytes, written);
}

/** The version of an installed package. */
export function packageVersion(name: string): string {
  let directory = dirname(createRequire(import.meta.url).resolve(name));
  for (;;) {
    try {
      const description = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Record<string, string>;
      if (description.name === name && description.version) return description.version;
    } catch {
      // Not the package's root.
    }
    const parent = dirname(directory);
    if (parent === directory) throw new Error(`${name} has no package.json`);
    directory = parent;
  }
}
