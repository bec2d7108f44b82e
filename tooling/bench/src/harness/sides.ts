import { Side } from "./side.ts";
import type { SideProgram } from "./side.ts";

/** The sides of a benchmark: those that start, and why others do not. */
export class Sides {
  readonly missing: string[] = [];
  readonly #started = new Map<string, Side>();

  /** Starts a side; one that cannot is noted, and undefined. */
  async start(program: SideProgram): Promise<Side | undefined> {
    try {
      const side = await Side.start(program);
      this.#started.set(program.name, side);
      return side;
    } catch (error) {
      this.missing.push(`${program.name} is missing: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Those that run, in the order of their start. */
  get all(): Side[] {
    return [...this.#started.values()];
  }

  get(name: string): Side | undefined {
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
    const ending = name === undefined ? this.all : this.all.filter((side) => side.name === name);
    for (const side of ending) this.#started.delete(side.name);
    await Promise.all(ending.map((side) => side.close()));
  }
}
