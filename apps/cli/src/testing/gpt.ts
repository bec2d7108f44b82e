import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  /** Default: that of the tests. */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether standard output is closed after its first piece, as `head` does. */
  readonly readsOnce?: boolean;
  /** Called with what standard error holds so far, after each addition; may send a signal. */
  readonly onProgress?: (stderr: string, kill: (signal: NodeJS.Signals) => boolean) => void;
}

const main = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Runs the `gpt` command from its sources, in a process of its own. */
export function gpt(directory: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--conditions=@gpt/source", main, ...args], {
      cwd: directory,
      env: { ...(options.env ?? process.env), NO_COLOR: "1" },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (options.readsOnce) child.stdout.destroy();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      options.onProgress?.(stderr, (signal) => child.kill(signal));
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
    child.stdin.end(options.input ?? "");
  });
}

/** The objects that a command printed with `--json`. */
export function records({ stdout }: Result): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "gpt-cli-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}
