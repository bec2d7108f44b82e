import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { gpt as gptProcess, startSession } from "./gpt.ts";
import type { Result, RunOptions } from "./gpt.ts";

export const words = ["cat", "dog", "owl", "fox", "hen", "cow"];

export const jsonLines = (values: readonly object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");

/** What the tests of a file work in. */
export interface TuningFolder {
  /** The path of a file in it. */
  at(...names: readonly string[]): string;
  /** Runs commands in it, all in one process. */
  gpt(...args: readonly string[]): Promise<Result>;
  /** Runs a command in it, in a process of its own. */
  gptProcess(args: readonly string[], options?: RunOptions): Promise<Result>;
}

/**
 * A folder for all tests of a file: examples of several tasks, more files by their names, and a model that is tuned to
 * them, `base`.
 */
export function tuningFolder(more: Readonly<Record<string, string>> = {}): TuningFolder {
  let directory: string;
  beforeAll(async () => {
    directory = await makeFolder(more);
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));
  return {
    at: (...names) => join(directory, ...names),
    gpt: (...args) => startSession(directory)(...args),
    gptProcess: (args, options) => gptProcess(directory, args, options),
  };
}

async function makeFolder(more: Readonly<Record<string, string>>): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "gpt-cli-"));
  const pairs = Array.from({ length: 36 }, (_, i) => [words[i % 6], words[Math.floor(i / 6)]]);
  const sentence = (pair: readonly string[]): string => `The ${pair.join(" and the ")} sat.`;
  const files = {
    "text.txt": pairs.map((pair) => `${sentence(pair)}\n`).join("").repeat(4),
    "labels.csv": `sentence,kind\n${pairs.map((pair) => `${sentence(pair)},${pair.includes("owl") ? "bird" : "beast"}\n`).join("")}`,
    "chats.jsonl": jsonLines(pairs.map(([a, b]) => ({
      messages: [{ role: "user", content: `${a} ${b}` }, { role: "assistant", content: a }, { role: "user", content: b }, { role: "assistant", content: b }],
    }))),
    "pairs.jsonl": jsonLines(pairs.map(([a, b]) => ({ prompt: `${a} ${b}:`, completion: ` ${a}` }))),
    ...more,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
  const sizes = ["--vocab-size", "300", "--layers", "2", "--heads", "2", "--dim", "16", "--context", "96"];
  const { status, stderr } = await startSession(directory)("train", "--data", "text.txt", "--tokenizer", "bpe", ...sizes, "--steps", "20", "--batch", "4", "--out", "base");
  if (status !== 0) throw new Error(stderr);
  return directory;
}
