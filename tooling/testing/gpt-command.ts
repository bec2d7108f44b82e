import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
const main = join(import.meta.dirname, "../../apps/cli/src/main.ts");

/** Runs the `gpt` command from its sources; gives what it prints. */
export async function gpt(...args: readonly string[]): Promise<string> {
  return (await execute(process.execPath, ["--conditions=@gpt/source", main, ...args])).stdout;
}
