import { mkdir, open, readdir, rename, rm } from "node:fs/promises";

/**
 * What writing files safely asks of a file system. The order of these calls is what survives a crash, so that a test
 * can put a recorder in the place of the real ones. Failures reject with the system's error and its `code`.
 */
export interface Disk {
  /** Creates a folder whose parent exists. No error where there is one already. */
  makeDirectory(path: string): Promise<void>;
  /** Creates a file, which must not exist, for writing. */
  createFile(path: string): Promise<WritableFile>;
  /** Gives a file another name; one that has this name is replaced. */
  rename(from: string, to: string): Promise<void>;
  /** Waits until the names in a folder, as they are now, would survive a crash. */
  syncDirectory(path: string): Promise<void>;
  /** Removes a file. No error where there is none. */
  remove(path: string): Promise<void>;
  /** The names in a folder, or undefined where there is no such folder. */
  list(path: string): Promise<readonly string[] | undefined>;
}

export interface WritableFile {
  /** Appends bytes, perhaps not all of them; gives how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Waits until what was written would survive a crash. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Node's file system. */
export const nodeDisk: Disk = {
  async makeDirectory(path) {
    try {
      // Not recursive: Node's recursive form never returns in /proc, and hides why a disk refuses.
      await mkdir(path);
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw error;
    }
  },
  async createFile(path) {
    const handle = await open(path, "wx");
    return {
      write: async (bytes) => (await handle.write(bytes)).bytesWritten,
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  rename,
  async syncDirectory(path) {
    // Windows has no such operation; its file systems journal names by themselves.
    if (process.platform === "win32") return;
    const handle = await open(path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  remove: (path) => rm(path, { force: true }),
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    }
  },
};

/** `ENOENT`, `EACCES`, …: the code of a system's error, or undefined for other errors. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || "gptError" in error) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
