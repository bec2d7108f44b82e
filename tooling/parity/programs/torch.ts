import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { script } from "../python.ts";
import type { Expectation } from "./expectation.ts";
import type { Program } from "./program.ts";

/** A Python process that runs programs in PyTorch, one after the other. */
export class Torch {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string, undefined>;

  constructor(python: string) {
    this.#child = spawn(python, [script, "--programs"], { stdio: ["pipe", "pipe", "inherit"] });
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** What PyTorch computes. Throws where it refuses a program. The programs run while earlier answers are read. */
  async *evaluate(programs: readonly Program[]): AsyncGenerator<Expectation> {
    for (const program of programs) this.#child.stdin!.write(`${JSON.stringify(program)}\n`);
    for (const { seed } of programs) {
      const line = await this.#answers.next();
      if (line.done) throw new Error(`PyTorch ended at program ${seed}, see above`);
      const answer = JSON.parse(line.value) as Expectation | { readonly error: string };
      if ("error" in answer) throw new Error(`PyTorch cannot run program ${seed}: ${answer.error}`);
      yield answer;
    }
  }

  dispose(): void {
    this.#child.kill();
  }
}
