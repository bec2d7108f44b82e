import { fork, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, onTestFinished } from "vitest";
import type { Answer, Request } from "./session.ts";

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  /** Default: that of the tests. */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether standard output is closed after its first piece, as `head` does. */
  readonly readsOnce?: boolean;
  /** A file or device that takes standard output; the result has none of it then. */
  readonly stdoutPath?: string;
  /** Called with what standard error holds so far, at the start and after each addition; may send a signal. */
  readonly onProgress?: (stderr: string, kill: (signal: NodeJS.Signals) => boolean) => void;
}

const flags = ["--conditions=@gpt/source"];
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

/** What a shell runs as the `gpt` command, from its sources. */
export const shellCommand = [process.execPath, ...flags, main].map((word) => `'${word}'`).join(" ");

/** Runs the `gpt` command from its sources, in a process of its own. */
export async function gpt(directory: string, args: readonly string[], options: RunOptions = {}): Promise<Result> {
  const target = options.stdoutPath === undefined ? undefined : await open(options.stdoutPath, "w");
  const result = await new Promise<Result>((resolve, reject) => {
    const child = spawn(process.execPath, [...flags, main, ...args], {
      cwd: directory,
      env: { ...(options.env ?? process.env), NO_COLOR: "1" },
      stdio: ["pipe", target?.fd ?? "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    const onProgress = (): void => options.onProgress?.(stderr, (signal) => child.kill(signal));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (options.readsOnce) child.stdout?.destroy();
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      onProgress();
    });
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
    child.stdin?.end(options.input ?? "");
    onProgress();
  });
  await target?.close();
  return result;
}

/** The process of the sessions of a test file. It starts with the first command. */
let sessions: { readonly child: ChildProcess; readonly ended: Promise<never> } | undefined;

afterAll(() => void sessions?.child.kill());

/**
 * Runs one command after another in a folder, in one process with all others of the test file: Node takes longer to start
 * than most commands. What only a process can show (signals, closed pipes, standard input) needs `gpt`.
 */
export function startSession(directory: string, env: NodeJS.ProcessEnv = process.env): (...args: readonly string[]) => Promise<Result> {
  return async (...args) => {
    const { child, ended } = (sessions ??= startSessions());
    child.send({ directory, env: { ...env, NO_COLOR: "1" }, args } satisfies Request);
    const [answer] = (await Promise.race([once(child, "message"), ended])) as [Answer];
    return answer;
  };
}

function startSessions(): NonNullable<typeof sessions> {
  const child = fork(fileURLToPath(new URL("session.ts", import.meta.url)), [], {
    execArgv: flags,
  });
  const ended = once(child, "exit").then(([status]) => {
    sessions = undefined;
    throw new Error(`the process of the commands ended with status ${String(status)}`);
  });
  ended.catch(() => undefined); // Where the tests have ended, it should.
  return { child, ended };
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
