import { createHash, randomBytes } from "node:crypto";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { nodeFileOperations, systemCode } from "../file-operations.ts";

/** `HASH.MACHINE-PROCESS-RANDOM.incomplete`: the name says which process writes it, and is changed by one rename. */
const pattern = /^([0-9a-f]{40,64})\.([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{12}\.incomplete$/;
const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
/** Those that this process is writing. */
const active = new Set<string>();
/** Milliseconds without a byte after which nobody waits for a writer, although its process lives. */
const patience = 120_000;
/** Milliseconds without a byte after which a writer on another machine, of which nothing is known, counts as gone. */
const forgotten = 3_600_000;
const waitBetween = 250;

/** The beginning of a file that is being downloaded, written by one process alone. */
export class PartialFile {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * The file in which this process downloads what has a hash: what a process that is gone has left of it, or a new one. While
   * another process downloads the same, waits. Undefined where the complete file is there in the meantime. Where two
   * begin at the same moment both download, each into a file of its own.
   */
  static async claim(folder: string, hash: string, onWait: () => void, signal?: AbortSignal): Promise<PartialFile | undefined> {
    for (;;) {
      signal?.throwIfAborted();
      const names = (await nodeFileOperations.list(folder)) ?? [];
      if (names.includes(hash)) return undefined;
      let isBusy = false;
      for (const name of names) {
        if (pattern.exec(name)?.[1] !== hash) continue;
        const state = await stateOf(join(folder, name), name);
        if (state === "busy") isBusy = true;
        const own = state === "abandoned" ? newPath(folder, hash) : undefined;
        // Of several that find it one gets it.
        if (own !== undefined && (await renamed(join(folder, name), own))) return new PartialFile(own);
      }
      if (!isBusy) {
        const own = newPath(folder, hash);
        await writeFile(own, "", { flag: "wx" });
        return new PartialFile(own);
      }
      onWait();
      await new Promise((resolve) => setTimeout(resolve, waitBetween));
    }
  }

  /** Gives the complete file its name. */
  async publish(target: string): Promise<void> {
    await rename(this.path, target);
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }

  /** What is there from now on is for others to continue. */
  release(): void {
    active.delete(this.path);
  }
}

function newPath(folder: string, hash: string): string {
  const path = join(folder, `${hash}.${machine}-${process.pid}-${randomBytes(6).toString("hex")}.incomplete`);
  active.add(path);
  return path;
}

async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    active.delete(to);
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** Of a partial file: somebody writes it, nobody does, or it cannot be told. */
async function stateOf(path: string, name: string): Promise<"busy" | "abandoned" | "unclear"> {
  const [, , writerMachine, writer] = pattern.exec(name)!;
  let age: number;
  try {
    age = Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return "unclear";
    throw error;
  }
  if (writerMachine !== machine) return age > forgotten ? "abandoned" : "unclear";
  if (Number(writer) === process.pid) return active.has(path) ? "busy" : "abandoned";
  if (!isAlive(Number(writer))) return "abandoned";
  return age < patience ? "busy" : "unclear";
}

function isAlive(process_: number): boolean {
  try {
    return process.kill(process_, 0);
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}
