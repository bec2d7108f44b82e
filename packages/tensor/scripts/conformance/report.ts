import type { WasmOptions } from "../../src/backends/wasm/index.ts";
import type { Backend } from "../../src/contract/index.ts";
import type { ConformanceCase } from "../../src/testing/index.ts";
import { checkCase, conformanceCases } from "../../src/testing/index.ts";

/** The backend to run the conformance suite on. */
export type Setup = { readonly backend: "cpu" } | { readonly backend: "wasm"; readonly options?: WasmOptions };

/** What the suite finds, in a form that can be sent from a process, page or Worker of its own. */
export interface Report {
  /** The backend's own name. */
  readonly backend: string;
  /** The cases in their order, by kernel and name, and what is wrong with the backend. */
  readonly cases: readonly { readonly title: string; readonly problem?: string }[];
}

/** How long a case may take, in milliseconds. */
const patience = 30_000;
const endless = `no end within ${patience / 1000} s; the cases after it were not run`;

/**
 * Runs the suite on a backend, as far as its cases end. After a problem it goes on with a fresh one, since a device that
 * refused something may refuse everything.
 */
export async function conformanceReport(setup: Setup): Promise<Report> {
  let backend = await start(setup);
  const cases: { title: string; problem?: string }[] = [];
  for (const subject of conformanceCases()) {
    const problem = await problemOf(subject, backend);
    cases.push({ title: titleOf(subject), problem });
    if (problem === undefined) continue;
    if (problem === endless) break;
    backend.dispose();
    backend = await start(setup);
  }
  backend.dispose();
  return { backend: backend.name, cases };
}

export function titleOf({ kernel, name }: ConformanceCase): string {
  return `${kernel}: ${name}`;
}

async function problemOf(subject: ConformanceCase, backend: Backend): Promise<string | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const hang = new Promise<string>((end) => (timer = setTimeout(end, patience, endless)));
  const check = checkCase(subject, backend).then(() => undefined, (error: Error) => error.message);
  return Promise.race([check, hang]).finally(() => clearTimeout(timer));
}

/** Only the backend that is asked for is loaded. */
async function start(setup: Setup): Promise<Backend> {
  switch (setup.backend) {
    case "cpu": {
      const { cpu } = await import("../../src/backends/cpu/index.ts");
      return cpu();
    }
    case "wasm": {
      const { startBackend } = await import("../../src/backends/wasm/backend.ts");
      // Cases are small: threads share all work that can be divided.
      return startBackend(setup.options ?? {}, 1);
    }
  }
}
