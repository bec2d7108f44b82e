import { mkdir, open, readdir, rename, rm, rmdir } from "node:fs/promises";

/**
 * What writing files safely asks of a file system. The order of these calls is what survives a crash, so that a test
 * can put a recorder in the place of the real ones. Failures reject with the system's error and its `code`.
 */
export interface FileOperations {
  /** Creates a folder whose parent exists. No error where there is one already. */
  makeDirectory(path: string): Promise<void>;
  /** Creates a file, which must not exist, for writing. */
  createFile(path: string): Promise<WritableFile>;
  /** Gives a file or folder another name; a file that has this name is replaced. */
  rename(from: string, to: string): Promise<void>;
  /** Waits until the names in a folder, as they are now, would survive a crash. */
  syncDirectory(path: string): Promise<void>;
  /** Removes a file, or a folder with all that is in it. No error where there is none. */
  remove(path: string): Promise<void>;
  /** Removes a folder that has nothing in it; rejects where it has, or where there is none. */
  removeEmptyDirectory(path: string): Promise<void>;
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

/** The most bytes that are read or written by one call of the system, which takes less than 2 GiB. */
export const largestTransfer = 2 ** 30;

/** The operations of Node's file system. */
export const nodeFileOperations: FileOperations = {
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
      write: async (bytes) => (await handle.write(bytes.subarray(0, largestTransfer))).bytesWritten,
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  rename,
  async syncDirectory(path) {
    try {
      const handle = await open(path, "r");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      // Windows has no such operation; its file systems journal names by themselves.
      if (process.platform !== "win32" || !["EPERM", "EISDIR", "EACCES"].includes(systemCode(error) ?? "")) throw error;
    }
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
  removeEmptyDirectory: rmdir,
  async list(path) {
    try {
      return await readdir(path);
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    }
  },
};

/** `ENOSPC`, `EACCES`, …: the code of a system's error, or undefined for other errors. */
export function systemCode(error: unknown): string | undefined {
  const isSystemError =
    error instanceof Error && "code" in error && typeof error.code === "string" && !("gptError" in error);
  return isSystemError ? (error.code as string) : undefined;
}
