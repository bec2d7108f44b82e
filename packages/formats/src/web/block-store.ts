import { FormatError } from "../errors.ts";

/** Bytes of a block; the last one of a file has fewer. */
export const blockBytes = 2 ** 23;

/** What is kept of a file: its size, and what tells its version. A size of −1 says that the server has none. */
export interface KeptFile {
  readonly size: number;
  readonly tag: string | null;
}

const rootName = "gpt-downloads";
const addressName = "address.txt";

/** Where files of one address are kept: in the browser's own file system, block by block, each written as a whole. */
export class BlockStore {
  readonly #root: FileSystemDirectoryHandle;
  readonly #name: string;
  readonly #address: string;
  /** The folder, once it has the address. */
  #folder: FileSystemDirectoryHandle | undefined;

  private constructor(root: FileSystemDirectoryHandle, name: string, address: string) {
    this.#root = root;
    this.#name = name;
    this.#address = address;
  }

  /** The store of an address, or undefined where the browser has none for this page. */
  static async open(address: string): Promise<BlockStore | undefined> {
    const root = await openRoot(true);
    if (!root) return undefined;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(address)));
    const name = Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return new BlockStore(root, name, address);
  }

  async file(name: string): Promise<KeptFile | undefined> {
    try {
      const { size, tag } = JSON.parse((await (await this.find(`${name}.json`))?.text()) ?? "") as KeptFile;
      return Number.isSafeInteger(size) && (tag === null || typeof tag === "string") ? { size, tag } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Says which version of a file is kept from now on; blocks of others go. */
  async setFile(name: string, file: KeptFile): Promise<void> {
    const old = await this.file(name);
    if (old && (old.size !== file.size || old.tag !== file.tag)) {
      const folder = await this.made();
      for await (const key of folder.keys()) if (key.startsWith(`${name}.`)) await folder.removeEntry(key);
    }
    await this.write(`${name}.json`, new TextEncoder().encode(JSON.stringify(file)));
  }

  /** A block, if it is there as a whole. */
  async block(name: string, index: number, length: number): Promise<File | undefined> {
    const file = await this.find(`${name}.${index}`);
    return file?.size === length ? file : undefined;
  }

  async setBlock(name: string, index: number, bytes: Uint8Array): Promise<void> {
    await this.write(`${name}.${index}`, bytes);
  }

  private async find(key: string): Promise<File | undefined> {
    try {
      const folder = this.#folder ?? (await this.#root.getDirectoryHandle(this.#name));
      return await (await folder.getFileHandle(key)).getFile();
    } catch (error) {
      if (nameOf(error) === "NotFoundError") return undefined;
      throw error;
    }
  }

  private async write(key: string, bytes: Uint8Array): Promise<void> {
    await writeWhole(await (await this.made()).getFileHandle(key, { create: true }), [bytes]);
  }

  /** The folder, which is made where the first thing is kept: of an address that has nothing, nothing is kept. */
  private async made(): Promise<FileSystemDirectoryHandle> {
    if (this.#folder) return this.#folder;
    const folder = await this.#root.getDirectoryHandle(this.#name, { create: true });
    await writeWhole(await folder.getFileHandle(addressName, { create: true }), [new TextEncoder().encode(this.#address)]);
    return (this.#folder = folder);
  }
}

/** Writes a file, which has its new contents at once when all are there, and its old ones until then. */
export async function writeWhole(handle: FileSystemFileHandle, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
  const stream = await handle.createWritable();
  try {
    for await (const chunk of chunks) await writeChunk(stream, chunk);
    await stream.close();
  } catch (error) {
    await stream.abort().catch(() => undefined);
    throw error;
  }
}

/** Bytes that are written at once: Chromium does not say that the storage is full where more than its pipes hold are refused. */
const mostWritten = 2 ** 18;

export async function writeChunk(stream: FileSystemWritableFileStream, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; at += mostWritten) {
    await stream.write(chunk.subarray(at, at + mostWritten) as Uint8Array<ArrayBuffer>);
  }
}

/** What is kept of one address. */
export interface KeptDownload {
  /** As it was opened. */
  readonly url: string;
  readonly bytes: number;
}

/** What this page's origin keeps of files that were opened by `openUrlFolder`. */
export async function listDownloads(): Promise<KeptDownload[]> {
  const downloads: KeptDownload[] = [];
  for (const [url, { bytes }] of await kept()) downloads.push({ url, bytes });
  return downloads.sort((a, b) => (a.url < b.url ? -1 : 1));
}

/** Deletes what is kept of an address; gives the bytes that this frees. Throws `not-found`. */
export async function removeDownload(url: string): Promise<number> {
  const found = (await kept()).get(url);
  if (!found) throw new FormatError("not-found", `nothing is kept of ${url}; see what listDownloads() gives`);
  await (await openRoot(false))?.removeEntry(found.name, { recursive: true });
  return found.bytes;
}

async function kept(): Promise<Map<string, { name: string; bytes: number }>> {
  const found = new Map<string, { name: string; bytes: number }>();
  const root = await openRoot(false);
  if (!root) return found;
  for await (const [name, folder] of root.entries()) {
    if (folder.kind !== "directory") continue;
    let [url, bytes] = ["", 0];
    for await (const [key, entry] of (folder).entries()) {
      if (entry.kind !== "file") continue;
      const file = await (entry).getFile();
      bytes += file.size;
      if (key === addressName) url = await file.text();
    }
    found.set(url, { name, bytes });
  }
  return found;
}

async function openRoot(create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
  // Not there in pages that are not secure, nor in Node.
  const storage = (globalThis.navigator as Navigator | undefined)?.storage;
  if (typeof storage?.getDirectory !== "function") return undefined;
  try {
    return await (await storage.getDirectory()).getDirectoryHandle(rootName, { create });
  } catch (error) {
    // A private window, or nothing is kept yet.
    if (["SecurityError", "NotFoundError", "NotAllowedError"].includes(nameOf(error))) return undefined;
    throw error;
  }
}

/** What is wrong with the storage of this page, and what to do. */
export function storageProblem(error: unknown): string {
  return nameOf(error) === "QuotaExceededError"
    ? "the storage that the browser gives this page is full; free some, for instance by removeDownload()"
    : (error as Error).message;
}

export function nameOf(error: unknown): string {
  return error instanceof Error || error instanceof DOMException ? error.name : "";
}
