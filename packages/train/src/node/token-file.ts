import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import type { TokenSource } from "../data/token-source.ts";
import { TrainError } from "../errors.ts";
import { fileError } from "./file-error.ts";

/** Tokens that lie in a file and are read by position; the file is never whole in memory. */
export interface TokenFile extends TokenSource, AsyncDisposable {
  /** Bytes of one token in the file. */
  readonly tokenBytes: 2 | 4;
  /** Closes the file. */
  close(): Promise<void>;
}

export interface OpenTokenFileOptions {
  /**
   * How tokens are stored, little-endian. Default: what the header says where the file begins with one of llm.c, else
   * `uint16`, as nanoGPT writes them.
   */
  readonly format?: "uint16" | "uint32";
}

/** llm.c's header: 256 words of 32 bits, of which a magic number, a version and the number of tokens are used. */
const headerBytes = 1024;
const headers = [
  { magic: 20240520, version: 1, tokenBytes: 2 },
  { magic: 20240801, version: 7, tokenBytes: 4 },
] as const;

/** Opens a file of tokens: uint16 or uint32 numbers without more, or in llm.c's form. */
export async function openTokenFile(path: string, options: OpenTokenFileOptions = {}): Promise<TokenFile> {
  const file = await openForReading(path);
  try {
    const { size } = await file.stat();
    if (size === 0) throw new TrainError("empty-data", `${path} is empty; give a file with tokens`);
    const header = options.format === undefined ? await readHeader(file, path, size) : undefined;
    const tokenBytes = header?.tokenBytes ?? (options.format === "uint32" ? 4 : 2);
    const start = header ? headerBytes : 0;
    if ((size - start) % tokenBytes !== 0) {
      throw new TrainError(
        "invalid-token-file",
        `${path} has ${size} bytes, which are not whole tokens of ${tokenBytes} bytes; ` +
          "it is cut off, or in another format",
      );
    }
    const length = (size - start) / tokenBytes;
    if (header && header.tokens !== length) {
      throw new TrainError(
        "invalid-token-file",
        `${path}: the header promises ${header.tokens} tokens, the file has ${length}; it is cut off or damaged`,
      );
    }
    return tokensOf(file, { path, start, length, tokenBytes });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The tokens of an open file, which `close` closes. */
export function tokensOf(
  file: FileHandle,
  { path, start, length, tokenBytes }: { path: string; start: number; length: number; tokenBytes: 2 | 4 },
): TokenFile {
  const close = (): Promise<void> => file.close();
  return {
    length,
    tokenBytes,
    read: async (position, count) => {
      const bytes = await readBytes(file, path, start + position * tokenBytes, count * tokenBytes);
      return Int32Array.from(tokenBytes === 2 ? new Uint16Array(bytes.buffer) : new Uint32Array(bytes.buffer));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function readHeader(
  file: FileHandle,
  path: string,
  size: number,
): Promise<{ tokens: number; tokenBytes: 2 | 4 } | undefined> {
  if (size < headerBytes) return undefined;
  const [magic, version, tokens] = new Int32Array((await readBytes(file, path, 0, 12)).buffer);
  const known = headers.find((header) => header.magic === magic);
  if (!known) return undefined;
  if (known.version !== version) {
    throw new TrainError(
      "invalid-token-file",
      `${path}: version ${version} of llm.c's format is not known; version ${known.version} is expected here`,
    );
  }
  return { tokens, tokenBytes: known.tokenBytes };
}

/** Exactly `length` bytes from a position, in a buffer of their own. */
async function readBytes(
  file: FileHandle,
  path: string,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) {
      throw new TrainError(
        "invalid-token-file",
        `${path} ends at byte ${position + filled}; it was shortened while in use`,
      );
    }
    filled += bytesRead;
  }
  return bytes;
}

/** Opens a file, with an error that says what to do where that fails. */
export async function openForReading(path: string): Promise<FileHandle> {
  try {
    if (!(await stat(path)).isDirectory()) return await open(path, "r");
  } catch (error) {
    throw fileError(path, error);
  }
  throw new TrainError("unreadable-file", `${path} is a folder; give the files in it`);
}
