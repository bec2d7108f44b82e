import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";

/** What tells a process from all others, also from one that has its number later, or on another machine. */
export interface ProcessIdentity {
  readonly pid: number;
  /** The boot of the system and when in it the process began; `0` on systems that do not say so. */
  readonly start: string;
  /** A hash of what tells the machine from others. */
  readonly machine: string;
}

/** Whether a process lives; `unknown` where it runs, or ran, on another machine. */
export type ProcessState = "lives" | "gone" | "unknown";

/** The identity of this process. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const { pid } = process;
  return { pid, start: await startOf(pid), machine: await machineOf() };
}

export async function stateOf({ pid, start, machine }: ProcessIdentity): Promise<ProcessState> {
  if (machine !== (await machineOf())) return "unknown";
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return "gone";
  }
  const now = await startOf(pid);
  return start === unknownStart || now === unknownStart || start === now ? "lives" : "gone";
}

/** A short hash of a text. */
export function shortHash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

const unknownStart = "0";

/** Linux tells when a process began, in ticks since the system did. */
async function startOf(pid: number): Promise<string> {
  const [status, boot] = [await contents(`/proc/${pid}/stat`), await contents("/proc/sys/kernel/random/boot_id")];
  // The second field is a name in brackets, which may hold anything; the twenty-second is the beginning.
  const ticks = status.slice(status.lastIndexOf(")") + 2).split(" ")[19];
  return ticks && boot ? `${shortHash(boot)}.${ticks}` : unknownStart;
}

async function machineOf(): Promise<string> {
  return shortHash(`${hostname()} ${await contents("/etc/machine-id")}`);
}

/** A file of the system, empty where there is none or it is hidden. */
async function contents(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
