import { quote } from "@gpt/common";
import { callback, flag, numberThat, object, objectWith, readOptions } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { isPlainName } from "../files/output-file.ts";
import { checkRange } from "../files/random-access.ts";
import type { RandomAccessFile, ReadableFolder } from "../files/random-access.ts";
import { blockBytes, BlockStore, storageProblem } from "./block-store.ts";
import type { KeptFile } from "./block-store.ts";
import { PassingFailure, UnreachableError } from "../open-request.ts";
import { askFile } from "./requests.ts";
import type { FileAnswer, RequestOptions } from "./requests.ts";

/** How far files of an address are. */
export interface UrlProgress {
  /** The file of which bytes arrived. */
  readonly file: string;
  /** Bytes of the files that were opened which are here, those that were kept among them. */
  readonly bytes: number;
  /** Bytes of the files that were opened. */
  readonly totalBytes: number;
}

/** How a folder behind an address is read. */
export interface UrlFolderOptions extends RequestOptions {
  /** Called while bytes arrive. */
  readonly onProgress?: (progress: UrlProgress) => void;
  /** Gets a sentence where something is other than it was meant to be, for instance where the storage is full. */
  readonly onNote?: (note: string) => void;
  /** Whether what arrives is kept for the next time, in the browser's own file system. Default true. */
  readonly keep?: boolean;
  /** Whether what is kept is all that is read. Default false: the server is asked whether it has another version. */
  readonly offline?: boolean;
}

const positive = numberThat("above 0", (value) => value > 0);

/** Blocks of a file that stay in memory, since neighbouring tensors are read one after the other. */
const blocksInMemory = 4;

/**
 * A folder of files behind an address, such as `https://huggingface.co/openai-community/gpt2/resolve/main`. Files are read by
 * ranges, a tensor at a time, where the server knows ranges, and whole elsewhere. What arrives is kept in the browser's own
 * file system (OPFS), block by block: a download that broke off goes on where it stopped, and the next time nothing is
 * downloaded but what has changed. Without a network what is kept is read. Where nothing can be kept, or the storage
 * is full, files are read from the server alone. Throws `invalid-input`; opening and reading throw `access-denied`, `download-failed` and
 * `not-found`.
 *
 * @example
 * const model = await loadModelFrom(await openUrlFolder("/models/gpt2"), [gpt2]);
 */
export async function openUrlFolder(url: string | URL, options?: UrlFolderOptions): Promise<ReadableFolder> {
  const invalid = (problem: string): FormatError => new FormatError("invalid-input", `openUrlFolder: ${problem}`);
  const given = readOptions<UrlFolderOptions>(
    options,
    {
      headers: object, signal: objectWith("an AbortSignal", "throwIfAborted()"), fetch: callback, stallSeconds: positive, retrySeconds: positive,
      onProgress: callback, onNote: callback, keep: flag, offline: flag,
    },
    invalid,
  );
  const address = addressOf(url);
  if (!address) throw invalid(`${quote(String(url))} is no address that begins with http:// or https://`);
  // As a folder. A query string is sent with each file.
  if (!address.pathname.endsWith("/")) address.pathname += "/";
  const onNote = given.onNote ?? (() => {});
  const store = given.keep === false ? undefined : await opened(address.href, onNote);
  return new UrlFolder(address, given, onNote, store);
}

/** An address, which may be relative to the page's; undefined for what is none of http. */
export function addressOf(url: string | URL): URL | undefined {
  const text = String(url);
  const base = (globalThis.location as Location | undefined)?.href;
  const address = URL.canParse(text, base) ? new URL(text, base) : undefined;
  return address && /^https?:$/.test(address.protocol) ? address : undefined;
}

async function opened(address: string, onNote: (note: string) => void): Promise<BlockStore | undefined> {
  try {
    return await BlockStore.open(address);
  } catch (error) {
    onNote(`what arrives is not kept: ${storageProblem(error)}`);
    return undefined;
  }
}

class UrlFolder implements ReadableFolder {
  readonly name: string;
  readonly options: UrlFolderOptions;
  readonly #address: URL;
  readonly #onNote: (note: string) => void;
  readonly #store: BlockStore | undefined;
  #isFull = false;
  /** What is kept is not asked for any more: without a network each question takes its time. */
  #isUnreachable = false;
  readonly #sizes = new Map<string, { bytes: number; readonly size: number }>();

  constructor(address: URL, options: UrlFolderOptions, onNote: (note: string) => void, store: BlockStore | undefined) {
    this.name = address.href;
    this.options = options;
    this.#address = address;
    this.#onNote = onNote;
    this.#store = store;
  }

  async open(name: string): Promise<RandomAccessFile | undefined> {
    if (!isPlainName(name)) throw new FormatError("read-failed", `${this.name}: ${quote(name)} is not a plain file name`);
    const kept = await this.#store?.file(name);
    if (this.options.offline && !kept) throw notKept(this.urlOf(name));
    if (kept && (this.options.offline || this.#isUnreachable)) return this.#fileOf(name, kept);
    // Of a file that is kept a byte tells size and version; of another the first block is asked for at once.
    const isProbe = kept !== undefined && kept.size > 0;
    const answered = async (answer: FileAnswer): Promise<RandomAccessFile> => {
      if (isProbe && isSame(answer, kept)) return this.#fileOf(name, kept)!;
      const blocks: Uint8Array[] = [];
      // The size of a compressed answer is known at its end.
      const version = { size: answer.size ?? (await collect(answer, blocks)), tag: answer.tag };
      await this.keep((store) => store.setFile(name, version));
      const file = this.#fileOf(name, version)!;
      if (answer.size === undefined) await file.takeBlocks(blocks);
      else if (answer.isWhole || !isProbe) await file.take(answer);
      return file;
    };
    try {
      const file = await askFile(this.urlOf(name), () => [0, isProbe ? 1 : blockBytes], answered, this.options, kept ? 1 : undefined);
      if (!file) await this.keep((store) => store.setFile(name, { size: -1, tag: null }));
      return file;
    } catch (error) {
      if (!(error instanceof UnreachableError) || !kept) throw error;
      this.#isUnreachable = true;
      this.#onNote(`the server cannot be reached; files of ${this.name} are taken as they were downloaded last`);
      return this.#fileOf(name, kept);
    }
  }

  urlOf(name: string): string {
    const url = new URL(encodeURIComponent(name), this.#address);
    url.search = this.#address.search;
    return url.href;
  }

  #fileOf(name: string, { size, tag }: KeptFile): UrlFile | undefined {
    if (size < 0) return undefined;
    this.#sizes.set(name, { bytes: 0, size });
    return new UrlFile(this, name, size, tag);
  }

  get keeps(): boolean {
    return this.#store !== undefined && !this.#isFull;
  }

  /** Does something with the store, as long as there is one that takes it. */
  async keep(work: (store: BlockStore) => Promise<void>): Promise<void> {
    if (!this.#store || this.#isFull) return;
    try {
      await work(this.#store);
    } catch (error) {
      this.#isFull = true;
      this.#onNote(`what arrives is not kept: ${storageProblem(error)}`);
    }
  }

  async block(name: string, index: number, length: number): Promise<File | undefined> {
    return this.#store?.block(name, index, length);
  }

  /** `bytes` of a file are here. */
  tell(file: string, bytes: number): void {
    const own = this.#sizes.get(file);
    if (!own || bytes <= own.bytes) return;
    own.bytes = bytes;
    const all = [...this.#sizes.values()];
    const sum = (field: "bytes" | "size"): number => all.reduce((total, one) => total + one[field], 0);
    this.options.onProgress?.({ file, bytes: sum("bytes"), totalBytes: sum("size") });
  }
}

function notKept(url: string): FormatError {
  return new FormatError("not-found", `${url} is not all here from earlier, and \`offline\` forbids to download it`);
}

function isSame({ size, tag }: FileAnswer, kept: KeptFile): boolean {
  return tag === kept.tag && (size === kept.size || (size === undefined && tag !== null));
}

/** All of an answer whose length is not known, as blocks; gives the length. */
async function collect({ chunks }: FileAnswer, blocks: Uint8Array[]): Promise<number> {
  const filler = new BlockFiller(0, (_, block) => void blocks.push(block));
  for await (const chunk of chunks) await filler.push(chunk);
  await filler.end();
  return blocks.reduce((total, { length }) => total + length, 0);
}

/** Cuts what arrives into blocks. */
class BlockFiller {
  #index: number;
  readonly #onBlock: (index: number, block: Uint8Array) => Promise<void> | void;
  #block = new Uint8Array(blockBytes);
  #filled = 0;

  constructor(first: number, onBlock: (index: number, block: Uint8Array) => Promise<void> | void) {
    this.#index = first;
    this.#onBlock = onBlock;
  }

  /** Bytes of the block that is not full yet. */
  get filled(): number {
    return this.#filled;
  }

  async push(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + blockBytes - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === blockBytes) await this.end();
    }
  }

  /** What there is is the last block. */
  async end(): Promise<void> {
    if (this.#filled === 0) return;
    const block = this.#filled === blockBytes ? this.#block : this.#block.slice(0, this.#filled);
    this.#filled = 0;
    this.#block = new Uint8Array(blockBytes);
    await this.#onBlock(this.#index++, block);
  }
}

class UrlFile implements RandomAccessFile {
  readonly name: string;
  readonly size: number;
  readonly #folder: UrlFolder;
  readonly #file: string;
  readonly #tag: string | null;
  /** Blocks that were read last. */
  readonly #recent = new Map<number, Uint8Array>();
  /** All that has arrived, where it can be kept nowhere else and the server knows no ranges. */
  readonly #held = new Map<number, Blob>();
  /** Blocks that were here once, and their bytes. */
  readonly #seen = new Set<number>();
  #seenBytes = 0;

  constructor(folder: UrlFolder, file: string, size: number, tag: string | null) {
    this.name = folder.urlOf(file);
    this.size = size;
    this.#folder = folder;
    this.#file = file;
    this.#tag = tag;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this, offset, length);
    const bytes = new Uint8Array(length);
    const [first, end] = [Math.floor(offset / blockBytes), Math.ceil((offset + length) / blockBytes)];
    const copy = (index: number, block: Uint8Array): void => {
      const begin = index * blockBytes;
      const from = Math.max(offset, begin);
      bytes.set(block.subarray(from - begin, offset + length - begin), from - offset);
    };
    for (let index = first; index < end;) {
      const block = await this.#here(index);
      if (block) {
        this.#see(index, block);
        copy(index++, block);
        continue;
      }
      // All that lacks in a row is asked for together.
      let until = index + 1;
      while (until < end && !this.#recent.has(until) && !(await this.#kept(until))) until++;
      await this.#download(index, until, copy);
      index = until;
    }
    return bytes;
  }

  close(): Promise<void> {
    this.#recent.clear();
    this.#held.clear();
    return Promise.resolve();
  }

  /** Takes the first block, or the whole file, as the answer to the question for the first block has it. */
  async take(answer: FileAnswer): Promise<void> {
    if (this.size > 0) await this.#receive(answer, 0, 1, () => {});
  }

  async takeBlocks(blocks: readonly Uint8Array[]): Promise<void> {
    for (const [index, block] of blocks.entries()) await this.#arrived(index, block, true);
  }

  #lengthOf(index: number): number {
    return Math.min(blockBytes, this.size - index * blockBytes);
  }

  async #kept(index: number): Promise<Blob | undefined> {
    return this.#held.get(index) ?? this.#folder.block(this.#file, index, this.#lengthOf(index));
  }

  async #here(index: number): Promise<Uint8Array | undefined> {
    const recent = this.#recent.get(index);
    if (recent) return recent;
    const kept = await this.#kept(index);
    return kept && new Uint8Array(await kept.arrayBuffer());
  }

  async #download(first: number, end: number, onBlock: (index: number, block: Uint8Array) => void): Promise<void> {
    if (this.#folder.options.offline) throw notKept(this.name);
    let next = first;
    const take = async (answer: FileAnswer): Promise<boolean> => {
      if (answer.tag !== this.#tag || (answer.size !== undefined && answer.size !== this.size)) {
        throw new FormatError("read-failed", `${this.name} has changed since it was opened; load it again`);
      }
      await this.#receive(answer, next, end, (index, block) => {
        if (index < next) return;
        onBlock(index, block);
        next = index + 1;
      });
      return true;
    };
    const range = () => [next * blockBytes, Math.min(this.size, end * blockBytes)] as const;
    if (await askFile(this.name, range, take, this.#folder.options)) return;
    throw new FormatError("read-failed", `${this.name} is gone since it was opened; check the address`);
  }

  /** Takes the blocks from `first` to before `end`, or, of an answer that is the whole file, all. */
  async #receive({ isWhole, chunks }: FileAnswer, first: number, end: number, onBlock: (index: number, block: Uint8Array) => void): Promise<void> {
    const begin = isWhole ? 0 : first;
    const length = (isWhole ? this.size : Math.min(this.size, end * blockBytes)) - begin * blockBytes;
    let received = 0;
    const filler = new BlockFiller(begin, async (index, block) => {
      await this.#arrived(index, block, isWhole);
      if (index < end) onBlock(index, block);
    });
    for await (const chunk of chunks) {
      received += chunk.length;
      if (received > length) throw new FormatError("download-failed", `${this.name}: the server gives more than ${length} bytes`);
      await filler.push(chunk);
      this.#folder.tell(this.#file, Math.min(this.size, this.#seenBytes + filler.filled));
    }
    if (received < length) throw new PassingFailure(`the answer ended after ${received} of ${length} bytes`);
    await filler.end();
  }

  async #arrived(index: number, block: Uint8Array, isWhole: boolean): Promise<void> {
    await this.#folder.keep((store) => store.setBlock(this.#file, index, block));
    // A browser may put a blob on the disk.
    if (isWhole && !this.#folder.keeps) this.#held.set(index, new Blob([block as Uint8Array<ArrayBuffer>]));
    this.#see(index, block);
  }

  #see(index: number, block: Uint8Array): void {
    this.#recent.delete(index);
    this.#recent.set(index, block);
    const oldest = this.#recent.size > blocksInMemory ? this.#recent.keys().next().value : undefined;
    if (oldest !== undefined) this.#recent.delete(oldest);
    if (!this.#seen.has(index)) this.#seenBytes += block.length;
    this.#seen.add(index);
    this.#folder.tell(this.#file, this.#seenBytes);
  }
}
