import { availableParallelism, cpus, totalmem } from "node:os";
import { formatBytes } from "../format.ts";
import type { Output } from "../output.ts";

/** What a benchmark found: a line for people, and figures for programs. */
export interface Finding {
  readonly title: string;
  readonly line: string;
  readonly figures: object;
}

export function report(output: Output, { title, line, figures }: Finding): void {
  const where = machine();
  output.text(`${title}: ${line}\n${where}\n`);
  output.record({ ...figures, machine: where });
}

/** The machine and the engine, in one line. */
function machine(): string {
  const model = cpus()[0]?.model.trim() ?? process.arch;
  const memory = formatBytes(totalmem());
  return `${model}, ${availableParallelism()} cores, ${memory}, ${process.platform} ${process.arch}, Node ${process.versions.node}`;
}
