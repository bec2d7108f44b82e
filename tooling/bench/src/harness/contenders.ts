import { Contender } from "./contender.ts";
import type { ContenderProgram } from "./contender.ts";

/** The contenders of a benchmark: those that start, and why others do not. */
export class Contenders {
  readonly missing: string[] = [];
  readonly #started = new Map<string, Contender>();

  /** Starts a contender; one that cannot is noted, and undefined. */
  async start(program: ContenderProgram): Promise<Contender | undefined> {
    try {
      const contender = await Contender.start(program);
      this.#started.set(program.name, contender);
      return contender;
    } catch (error) {
      this.missing.push(`${program.name} is missing: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Those that run, in the order of their start. */
  get all(): Contender[] {
    return [...this.#started.values()];
  }

  get(name: string): Contender | undefined {
    return this.#started.get(name);
  }

  /** The versions of the libraries, and what is missing. A name may go on behind a comma. */
  get notes(): string[] {
    const versions = this.all.filter(({ version }) => /\d/.test(version));
    const told = versions.map(({ name, version }) => `${name.split(",")[0]}: ${version}`);
    return [...new Set(told), ...this.missing];
  }

  /** Ends one, or all. */
  async close(name?: string): Promise<void> {
    const ending = name === undefined ? this.all : this.all.filter((contender) => contender.name === name);
    for (const contender of ending) this.#started.delete(contender.name);
    await Promise.all(ending.map((contender) => contender.close()));
  }
}
