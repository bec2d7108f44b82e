import type { Backend } from "../../src/contract/index.ts";
import type { Capabilities, ConformanceCase } from "../../src/testing/index.ts";
import { checkCase, conformanceCases } from "../../src/testing/index.ts";
import { isRequired } from "../../src/testing/required.ts";
import { sampleOf } from "./sample.ts";
import { start } from "./setup.ts";
import type { Setup } from "./setup.ts";

export type Kernel = ConformanceCase["kernel"];

/** All that the suite is about, in its order. */
export const kernels: readonly Kernel[] = [...new Set(conformanceCases().map(({ kernel }) => kernel))];

/** Those that a run is about: where fused ones are hidden, those that are composed. */
export function kernelsOf({ composed }: Setup): readonly Kernel[] {
  return composed ? kernels.filter((kernel) => !isRequired(kernel)) : kernels;
}

/** What a case found, in a form that can be sent from a process, page or Worker. */
export interface Finding {
  readonly name: string;
  /** What is wrong with the backend. */
  readonly problem?: string;
}

/** How long a case may take, in milliseconds: only a hang takes as long. */
const limit = 300_000;
const endless = `no end within ${limit / 1000} s`;

/** The cases about a kernel that a run consists of. */
export function casesOf({ sample }: Setup, capabilities: Partial<Capabilities>, kernel: Kernel): readonly ConformanceCase[] {
  const cases = conformanceCases(capabilities).filter((subject) => subject.kernel === kernel);
  return sample ? sampleOf(cases, sample) : cases;
}

/** Runs the suite, kernel by kernel, on a backend in this process, page or Worker. */
export class Runner {
  readonly #setup: Setup;
  #backend: Backend;
  #capabilities: Partial<Capabilities> = {};

  static async start(setup: Setup): Promise<Runner> {
    const runner = new Runner(setup, await start(setup));
    runner.#capabilities = setup.capabilities === "observed" ? await runner.#observe() : (setup.capabilities ?? {});
    return runner;
  }

  private constructor(setup: Setup, backend: Backend) {
    this.#setup = setup;
    this.#backend = backend;
  }

  /** As they were stated or observed. */
  get capabilities(): Partial<Capabilities> {
    return this.#capabilities;
  }

  /** Runs the cases about a kernel, in their order. */
  async run(kernel: Kernel): Promise<Finding[]> {
    const findings: Finding[] = [];
    for (const subject of casesOf(this.#setup, this.#capabilities, kernel)) {
      findings.push({ name: subject.name, problem: await this.#problemWith(subject) });
    }
    return findings;
  }

  dispose(): void {
    this.#backend.dispose();
  }

  /** A backend lacks a capability if it passes a case that holds only without it. */
  async #observe(): Promise<Capabilities> {
    const has = async (capability: keyof Capabilities): Promise<boolean> => {
      for (const subject of conformanceCases({ [capability]: false })) {
        if (subject.without === capability && (await this.#problemWith(subject)) === undefined) return false;
      }
      return true;
    };
    return { nan: await has("nan"), subnormals: await has("subnormals"), indexErrors: await has("indexErrors") };
  }

  /** After a problem another backend goes on: a device that refused something may refuse everything. */
  async #problemWith(subject: ConformanceCase): Promise<string | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hang = new Promise<string>((end) => (timer = setTimeout(end, limit, endless)));
    const check = checkCase(subject, this.#backend).then(() => undefined, (error: Error) => error.message);
    const problem = await Promise.race([check, hang]).finally(() => clearTimeout(timer));
    if (problem !== undefined) {
      this.dispose();
      this.#backend = await start(this.#setup);
    }
    return problem;
  }
}
