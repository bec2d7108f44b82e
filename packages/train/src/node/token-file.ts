import type { RandomAccessFile } from "@gpt/formats";
import { oneOf, optional } from "@gpt/tensor";
import { checkAll, count } from "../checks.ts";
import type { TokenSource } from "../data/token-source.ts";
import { TrainError } from "../errors.ts";
import { openDataFile } from "./data-file.ts";
import { checkKind } from "../records/file-kind.ts";
import { checkDType, guessDType, sampleNumbers, tokenBytes } from "./token-dtype.ts";
import type { TokenDType } from "./token-dtype.ts";

/** Tokens that lie in a file and are read by position; the file is never whole in memory. */
export interface TokenFile extends TokenSource, AsyncDisposable {
  /** Bytes of one token in the file. */
  readonly tokenBytes: 2 | 4;
  /** Closes the file. */
  close(): Promise<void>;
}

export interface OpenTokenFileOptions {
  /**
   * How tokens are stored, little-endian. Default: what the header says where the file begins with one of llm.c; else
   * uint16 for vocabularies of up to 65,536 entries, as nanoGPT writes them, and uint32 for larger ones. Numbers that
   * are evidently 32 bits wide are read so.
   */
  readonly dtype?: TokenDType;
  /** Entries of the vocabulary. Ids must be below: what is not was written in another way. Default: unknown. */
  readonly vocabSize?: number;
}

/** llm.c's header: 256 words of 32 bits, of which a magic number, a version and the number of tokens are used. */
const headerBytes = 1024;
const headers = [
  { magic: 20240520, version: 1, dtype: "uint16" },
  { magic: 20240801, version: 7, dtype: "uint32" },
] as const;

/**
 * Opens a file of tokens: bare numbers, or in llm.c's form. What is told about them is checked against the numbers
 * themselves, those of the whole file where it is up to a megabyte, else a part of them. Throws `missing-file`,
 * `read-failed`, `empty-data`, `invalid-token-file`, `token-out-of-range`, and `unsupported-data` for text, numbers
 * of 64 bits, NumPy's and other files.
 */
export async function openTokenFile(path: string, options: OpenTokenFileOptions = {}): Promise<TokenFile> {
  checkAll(options, { dtype: optional(oneOf(Object.keys(tokenBytes))), vocabSize: optional(count) });
  const { vocabSize } = options;
  const file = await openDataFile(path);
  try {
    const { size } = file;
    if (size === 0) throw new TrainError("empty-data", `${path} is empty; give a file with tokens`);
    const header = options.dtype === undefined ? await readHeader(file, path) : undefined;
    const start = header ? headerBytes : 0;
    const sample = await sampleNumbers(file, start);
    const dtype = options.dtype ?? header?.dtype ?? guessDType(path, sample, vocabSize);
    const bytes = tokenBytes[dtype];
    if ((size - start) % bytes !== 0) {
      throw new TrainError(
        "invalid-token-file",
        `${path} has ${size} bytes, which are not whole tokens of ${bytes} bytes; it is cut off, or of another dtype`,
      );
    }
    const length = (size - start) / bytes;
    if (header && header.tokens !== length) {
      throw new TrainError(
        "invalid-token-file",
        `${path}: the header promises ${header.tokens} tokens, the file has ${length}; it is cut off or damaged`,
      );
    }
    if (vocabSize !== undefined) checkDType(path, sample, dtype, vocabSize);
    return tokensOf(file, { start, length, tokenBytes: bytes });
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The tokens of an open file, which `close` closes. */
export function tokensOf(
  file: Pick<RandomAccessFile, "read" | "close">,
  { start, length, tokenBytes }: { start: number; length: number; tokenBytes: 2 | 4 },
): TokenFile {
  const close = (): Promise<void> => file.close();
  return {
    length,
    tokenBytes,
    read: async (position, count) => {
      const { buffer } = await file.read(start + position * tokenBytes, count * tokenBytes);
      return Int32Array.from(tokenBytes === 2 ? new Uint16Array(buffer) : new Uint32Array(buffer));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function readHeader(
  file: RandomAccessFile,
  path: string,
): Promise<{ tokens: number; dtype: TokenDType } | undefined> {
  checkKind(path, await file.read(0, Math.min(16, file.size)), "token ids");
  if (file.size < headerBytes) return undefined;
  const [magic, version, tokens] = new Int32Array((await file.read(0, 12)).buffer);
  const known = headers.find((header) => header.magic === magic);
  if (!known) return undefined;
  if (known.version !== version) {
    throw new TrainError(
      "invalid-token-file",
      `${path}: version ${version} of llm.c's format is not known; version ${known.version} is expected here`,
    );
  }
  return { tokens, dtype: known.dtype };
}
