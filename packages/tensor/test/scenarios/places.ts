import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { gpuFlags } from "@gpt/testing/gpu";
import { openInChromium } from "../chromium.ts";
import type { Scenario, Seen } from "./run.ts";

/** What is seen in a process of Node. A rejection that nothing handles is an error. */
export async function seenInNode(names: readonly Scenario[]): Promise<Seen> {
  const args = ["--conditions=@gpt/source", join(import.meta.dirname, "in-node.ts"), JSON.stringify(names)];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout) as Seen;
}

/** What is seen in a page of Chromium and in a Worker of it, at once. */
export async function seenInChromium(names: readonly Scenario[]): Promise<{ readonly page: Seen; readonly worker: Seen }> {
  const scripts = ["in-page", "in-worker"].map((name) => join(import.meta.dirname, `${name}.ts`));
  const page = await openInChromium(scripts, { names: JSON.stringify(names) }, gpuFlags);
  try {
    return (await page.result()) as { page: Seen; worker: Seen };
  } finally {
    await page.close();
  }
}
