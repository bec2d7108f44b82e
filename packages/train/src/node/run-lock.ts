import { realpath } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { publishFolder, systemCode } from "@gpt/formats/node";
import type { FileOperations } from "@gpt/formats/node";
import { isGptError, quote } from "@gpt/tensor";
import { TrainError } from "../errors.ts";
import type { RunLock } from "../run/run-place.ts";
import { ownIdentity, shortHash, stateOf } from "./process-identity.ts";
import type { ProcessIdentity } from "./process-identity.ts";

const name = ".lock";
/** How often the lock may change hands while we take it. */
const attempts = 10;

/** Who holds a folder, as the lock says. */
interface Holder extends ProcessIdentity {
  /** A hash of the folder's path: a lock that was copied with its folder says nothing about the copy. */
  readonly place: string;
  readonly since: string;
  readonly host: string;
}

/**
 * Takes hold of a run's folder, which is made where there is none, for this process alone. The lock is a folder `.lock`
 * with one entry, whose name says who holds it. It is published by one rename, and so never seen half-made. What a
 * process that is gone has left is removed by its name, and the folder only where that leaves it empty: of any number
 * that take over at once, one succeeds. Throws `run-in-use` where a process holds it that lives, or that this machine
 * cannot see, and changes nothing then; `write-failed`.
 */
export async function lockRun(directory: string, operations: FileOperations): Promise<RunLock> {
  const lock = join(directory, name);
  const place = shortHash(await canonicalPath(directory));
  const own = formatHolder({ ...(await ownIdentity()), place, since: new Date().toISOString(), host: hostname() });
  for (let attempt = 1; ; attempt++) {
    await removeStale(directory, place, operations);
    try {
      await publishFolder(lock, [{ name: own, chunks: [] }], { operations });
      return { release: () => release(lock, own, operations) };
    } catch (error) {
      if (attempt === attempts || !(await wasQuicker(error, lock, operations))) throw error;
    }
  }
}

/** Whether another process took the lock while we did, and perhaps has let go of it by now. */
async function wasQuicker(error: unknown, lock: string, operations: FileOperations): Promise<boolean> {
  if (!(isGptError(error) && error.code === "write-failed")) return false;
  if ((await operations.list(lock).catch(() => undefined)) !== undefined) return true;
  return error.cause === undefined || ["ENOTEMPTY", "EEXIST", "ENOENT"].includes(systemCode(error.cause) ?? "");
}

/** Removes a lock whose holder is gone. Throws `run-in-use` where he is not, or may not be. */
async function removeStale(directory: string, place: string, operations: FileOperations): Promise<void> {
  const lock = join(directory, name);
  try {
    const entries = await operations.list(lock);
    if (entries === undefined) return;
    for (const entry of entries) await checkGone(directory, entry, place);
    for (const entry of entries) await operations.remove(join(lock, entry));
    await operations.removeEmptyDirectory(lock);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    // Another process has removed it, or holds it by now: which of the two shows when it is taken.
    if (["ENOENT", "ENOTEMPTY", "EEXIST"].includes(code)) return;
    throw new TrainError("write-failed", `${lock} cannot be taken over: ${(error as Error).message}`, { cause: error });
  }
}

async function checkGone(directory: string, entry: string, place: string): Promise<void> {
  const lock = join(directory, name);
  const holder = parseHolder(entry);
  if (!holder) {
    throw new TrainError(
      "run-in-use",
      `${directory} may be in use: ${lock} holds ${quote(entry)}, which this version does not know; let the program end ` +
        "that made it, or choose another folder",
    );
  }
  if (holder.place !== place) return;
  const state = await stateOf(holder);
  if (state === "gone") return;
  const isOwn = holder.pid === process.pid && state === "lives";
  const who = isOwn ? "this process" : `process ${holder.pid}`;
  const look = `\`ps -p ${holder.pid}\``;
  // A process that was stopped may go on. Where nothing can be told, a copy of the folder is safe, a removed lock is not.
  const wayOut =
    state === "lives"
      ? `let it end${isOwn ? "" : ` (${look} shows it)`}, or choose another folder`
      : `only that machine can tell whether it lives (${look} there). If it does, let it end; if not, resume there, or resume ` +
        "a copy of this folder: the lock does not hold for copies";
  throw new TrainError(
    "run-in-use",
    `${directory} is in use by ${who} on ${holder.host} since ${holder.since}: ${wayOut}`,
  );
}

async function release(lock: string, own: string, operations: FileOperations): Promise<void> {
  try {
    await operations.remove(join(lock, own));
    await operations.removeEmptyDirectory(lock);
  } catch {
    // Whoever comes next finds that its holder is gone.
  }
}

/** The path without links, also of what does not exist yet. */
async function canonicalPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(resolve(path));
    return parent === resolve(path) ? parent : join(await canonicalPath(parent), basename(resolve(path)));
  }
}

const pattern = /^(\d+)-([0-9a-f]{8}\.\d+|0)-([0-9a-f]{8})-([0-9a-f]{8})-(\d{8}T\d{6}Z)-([\w.-]*)$/;

function formatHolder({ pid, start, machine, place, since, host }: Holder): string {
  const time = `${since.replace(/\.\d+/, "").replace(/[-:]/g, "")}`;
  return [pid, start, machine, place, time, host.replace(/[^\w.-]/g, "_").slice(0, 64)].join("-");
}

function parseHolder(entry: string): Holder | undefined {
  const [, pid, start, machine, place, time, host] = pattern.exec(entry) ?? [];
  if (pid === undefined) return undefined;
  const since = time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, "$1-$2-$3 $4:$5:$6 UTC");
  return { pid: Number(pid), start, machine, place, since, host };
}
