import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { gpuEnvironment, gpuFlags as flags } from "@gpt/config/gpu";
import { resultInChromium } from "../chromium.ts";
import type { Observation, Seen } from "./observe.ts";

/** How long observations may take, in milliseconds. */
const timeout = 600_000;

/** What is seen in a process of Node in which Dawn finds its driver. A rejection that nobody handles is an error. */
export async function seenInNode(names: readonly Observation[]): Promise<Seen> {
  const args = ["--conditions=@gpt/source", join(import.meta.dirname, "in-node.ts"), JSON.stringify(names)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: await gpuEnvironment(), timeout });
  return JSON.parse(stdout) as Seen;
}

/** What is seen in a page of Chromium and in a Worker of it, at once. */
export async function seenInChromium(names: readonly Observation[]): Promise<{ readonly page: Seen; readonly worker: Seen }> {
  const scripts = ["in-page", "in-worker"].map((name) => join(import.meta.dirname, `${name}.ts`));
  const result = await resultInChromium(scripts, { names: JSON.stringify(names) }, { flags, timeout });
  return result as { page: Seen; worker: Seen };
}
