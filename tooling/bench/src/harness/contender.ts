import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

/** How a contender's process is started. */
export interface ContenderProgram {
  /** For tables: `onnxruntime-node`. */
  readonly name: string;
  /** A file beside `src/contenders`, in TypeScript, or in Python where it ends so. */
  readonly file: string;
  /** Handed to the program before anything else. */
  readonly setup?: unknown;
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** Added to the environment; undefined removes. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The interpreter, for Python. */
  readonly python?: string;
}

/**
 * One contender of a comparison, in a process of its own, so that libraries neither share flags nor disturb one another. It
 * computes only while it is asked: requests are lines of JSON on its standard input, answers on file descriptor 3.
 */
export class Contender {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #problem: () => string;
  #version = "";

  private constructor(name: string, process: ChildProcess, answers: AsyncIterator<string>, problem: () => string) {
    this.name = name;
    this.#process = process;
    this.#answers = answers;
    this.#problem = problem;
  }

  /** Throws with the reason where the program cannot do its work: the library is missing, for instance. */
  static async start({ name, file, setup = {}, flags = [], environment, python }: ContenderProgram): Promise<Contender> {
    const path = join(import.meta.dirname, "../contenders", file);
    const [command, args] = python ? [python, [path]] : [process.execPath, [...flags, ...process.execArgv, path]];
    const child = spawn(command, args, {
      stdio: ["pipe", "ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4000)));
    child.on("error", (error) => (said += error.message));
    child.stdin?.on("error", () => undefined); // A process that died says why in its answer's place.
    const lines = createInterface({ input: child.stdio[3] as Readable });
    const answers = lines[Symbol.asyncIterator]();
    const contender = new Contender(name, child, answers, () => said.trim());
    try {
      contender.#version = (await contender.ask(setup)) as string;
      return contender;
    } catch (error) {
      await contender.close();
      throw error;
    }
  }

  /** What the program says of itself: the library's version. */
  get version(): string {
    return this.#version;
  }

  /** Sends a task and waits for what the program returns for it. */
  async ask(task: unknown): Promise<unknown> {
    this.#process.stdin?.write(`${JSON.stringify(task)}\n`);
    const next = await this.#answers.next();
    if (next.done)
      throw new Error(this.#problem().split("\n").slice(-3).join(" ") || "the process ended without a word");
    const { result, error } = JSON.parse(next.value) as { result?: unknown; error?: string };
    if (error !== undefined) throw new Error(error);
    return result;
  }

  /** Lets the process end. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 2000);
    await ended;
    clearTimeout(timer);
  }
}
