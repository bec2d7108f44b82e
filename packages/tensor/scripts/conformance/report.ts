import type { Backend } from "../../src/contract/index.ts";
import type { Capabilities, ConformanceCase } from "../../src/testing/index.ts";
import { checkCase, conformanceCases } from "../../src/testing/index.ts";
import { start } from "./setup.ts";
import type { Setup } from "./setup.ts";

/** What the suite finds, in a form that can be sent from a process, page or Worker of its own. */
export interface Report {
  /** As they were stated or observed. */
  readonly capabilities: Partial<Capabilities>;
  /** The cases in their order, by kernel and name, and what is wrong with the backend. */
  readonly cases: readonly { readonly title: string; readonly problem?: string }[];
}

/** How long a case may take, in milliseconds. */
const patience = 30_000;
const endless = `no end within ${patience / 1000} s; the cases after it were not run`;

/** Runs the suite on a backend, as far as its cases end. */
export async function conformanceReport(setup: Setup): Promise<Report> {
  const trial = await Trial.start(setup);
  const capabilities = setup.capabilities === "observed" ? await observe(trial) : (setup.capabilities ?? {});
  const cases: { title: string; problem?: string }[] = [];
  for (const subject of casesOf(setup, capabilities)) {
    const problem = await trial.problemWith(subject);
    cases.push({ title: titleOf(subject), problem });
    if (problem === endless) break;
  }
  trial.dispose();
  return { capabilities, cases };
}

/** The cases of a run; those of a kernel follow on one another. */
export function casesOf({ sample }: Setup, capabilities: Partial<Capabilities>): readonly ConformanceCase[] {
  const cases = conformanceCases(capabilities);
  return sample ? cases.filter(({ kernel }, i) => kernel !== cases[i - 1]?.kernel) : cases;
}

export function titleOf({ kernel, name }: ConformanceCase): string {
  return `${kernel}: ${name}`;
}

/** A backend lacks what it passes a case for that holds only there. */
async function observe(trial: Trial): Promise<Capabilities> {
  const has = async (capability: keyof Capabilities): Promise<boolean> => {
    for (const subject of conformanceCases({ [capability]: false })) {
      if (subject.without === capability && (await trial.problemWith(subject)) === undefined) return false;
    }
    return true;
  };
  return { nan: await has("nan"), subnormals: await has("subnormals"), indexErrors: await has("indexErrors") };
}

/** A backend on trial, which another one replaces after a problem: a device that refused something may refuse all. */
class Trial {
  readonly #setup: Setup;
  #backend: Backend;

  static async start(setup: Setup): Promise<Trial> {
    return new Trial(setup, await start(setup));
  }

  private constructor(setup: Setup, backend: Backend) {
    this.#setup = setup;
    this.#backend = backend;
  }

  async problemWith(subject: ConformanceCase): Promise<string | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hang = new Promise<string>((end) => (timer = setTimeout(end, patience, endless)));
    const check = checkCase(subject, this.#backend).then(() => undefined, (error: Error) => error.message);
    const problem = await Promise.race([check, hang]).finally(() => clearTimeout(timer));
    if (problem !== undefined) {
      this.dispose();
      this.#backend = await start(this.#setup);
    }
    return problem;
  }

  dispose(): void {
    this.#backend.dispose();
  }
}
