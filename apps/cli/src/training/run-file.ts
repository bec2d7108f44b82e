import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { publishFiles } from "@gpt/gpt/node";
import { UsageError } from "../errors.ts";
import type { RunOptions } from "./options.ts";

const name = "run.json";

/** The options of the run in a folder, or undefined where there is none. */
export async function readRunFile(directory: string): Promise<RunOptions | undefined> {
  const path = join(directory, name);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return (JSON.parse(text) as { options: RunOptions }).options;
  } catch (cause) {
    throw new UsageError(`${path} is damaged; delete it and give the run's options again`, { cause });
  }
}

/** Writes the options of a run to its folder. */
export async function writeRunFile(directory: string, options: RunOptions): Promise<void> {
  const text = `${JSON.stringify({ command: "train", options }, null, 2)}\n`;
  await publishFiles(directory, [{ name, chunks: [new TextEncoder().encode(text)] }]);
}
