import { availableParallelism, cpus, release, totalmem, type } from "node:os";

/** The machine and the engine, in one line. */
export function machineLine(): string {
  const model = cpus()[0]?.model.trim() ?? process.arch;
  const memory = `${(totalmem() / 2 ** 30).toFixed(0)} GiB`;
  const cores = availableParallelism();
  return `${model}, ${cores} cores, ${memory}, ${type()} ${release()} ${process.arch}, Node ${process.versions.node}`;
}
