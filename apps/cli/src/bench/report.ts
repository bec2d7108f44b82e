import { availableParallelism, cpus, totalmem } from "node:os";
import type { StartedBackend } from "../backend.ts";
import { formatBytes } from "../format.ts";
import type { Output } from "../output.ts";
import { formatProfile } from "./profile.ts";
import type { Profile } from "./profile.ts";

/** What a benchmark found: a line for people, and figures for programs. */
export interface Finding {
  readonly title: string;
  readonly line: string;
  readonly figures: object;
  /** Where it was computed, unless that is no matter of a backend. */
  readonly backend?: StartedBackend;
  readonly profile?: Profile;
}

export function report(output: Output, { title, line, figures, backend, profile }: Finding): void {
  const where = machine(backend?.adapter);
  output.text(`${title}${backend ? ` on ${backend.name}` : ""}: ${line}\n${where}\n`);
  if (profile) output.text(`\n${formatProfile(profile)}`);
  output.record({ ...figures, backend: backend?.name, adapter: backend?.adapter, machine: where, profile });
}

/** The machine, the engine, and the GPU where there is one, in one line. */
function machine(adapter?: string): string {
  const model = cpus()[0]?.model.trim() ?? process.arch;
  const memory = formatBytes(totalmem());
  const cores = `${availableParallelism()} cores`;
  const [system, engine] = [`${process.platform} ${process.arch}`, `Node ${process.versions.node}`];
  return [model, cores, memory, ...(adapter === undefined ? [] : [adapter]), system, engine].join(", ");
}
