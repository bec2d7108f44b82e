import { randomUUID } from "node:crypto";
import { open, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventLoopYielder } from "@gpt/common";
import { pathExpected } from "@gpt/formats/node";
import { callback, flag, isGptError, nonNegative, objectWith, optional, quote } from "@gpt/tensor";
import type { EncodeOptions, Tokenizer } from "@gpt/tokenizer";
import { check, checkAll, count } from "../checks.ts";
import { tokensInMemory } from "../data/token-source.ts";
import type { TokenSource } from "../data/token-source.ts";
import { TrainError } from "../errors.ts";
import { sizeOfDataFile } from "./data-file.ts";
import { pathsExpected } from "./paths.ts";
import { readFiles, readText } from "./text.ts";
import { tokensOf } from "./token-file.ts";

export interface TokenizeOptions {
  /**
   * Whether special tokens that are written out in the text become their ids, as `<|endoftext|>` between documents
   * should. Default true; false reads them as plain text.
   */
  readonly specialTokens?: boolean;
  /** Tokens that take more bytes than this go to a temporary file. Default 256 MiB. */
  readonly memoryLimit?: number;
  /** Where the temporary file lies. Default: the system's. */
  readonly temporaryDirectory?: string;
  /** Called after each piece of about a megabyte. */
  readonly onProgress?: (progress: { bytes: number; totalBytes: number; tokens: number }) => void;
}

/** What is needed of a tokenizer. */
type TextEncoding = Pick<Tokenizer, "vocabSize" | "encode">;

/** Tokens of text files. `close` frees the temporary file, where there is one. */
export interface TokenizedText extends TokenSource, AsyncDisposable {
  close(): Promise<void>;
}

/**
 * Tokenises UTF-8 text files, of any size: the text is read in pieces, and tokens that do not fit `memoryLimit` go to a
 * temporary file, which vanishes with the process at the latest. Throws what `readText` throws, `unknown-character`,
 * which names the file and the place in it, and `write-failed`.
 */
export async function tokenizeFiles(
  paths: readonly string[],
  tokenizer: TextEncoding,
  options?: TokenizeOptions,
): Promise<TokenizedText> {
  const { memoryLimit = 2 ** 28, temporaryDirectory = tmpdir() } = options ?? {};
  checkEncoding(paths, tokenizer, options);
  check("temporaryDirectory", temporaryDirectory, pathExpected);
  if (memoryLimit !== Infinity) check("memoryLimit", memoryLimit, nonNegative);
  const store = new TokenStore(tokenizer.vocabSize <= 2 ** 16 ? 2 : 4, memoryLimit, temporaryDirectory);
  try {
    for await (const ids of encodeFiles(paths, tokenizer, options)) await store.append(ids);
  } catch (error) {
    await store.close();
    throw error;
  }
  return store.finish();
}

/**
 * The number of tokens of UTF-8 text files, of any size, in little memory. Options and errors are those of
 * `tokenizeFiles`.
 */
export async function countTokens(
  paths: readonly string[],
  tokenizer: TextEncoding,
  options?: EncodeFilesOptions,
): Promise<number> {
  checkEncoding(paths, tokenizer, options);
  let tokens = 0;
  for await (const ids of encodeFiles(paths, tokenizer, options)) tokens += ids.length;
  return tokens;
}

type EncodeFilesOptions = Pick<TokenizeOptions, "specialTokens" | "onProgress">;

function checkEncoding(
  paths: readonly string[],
  tokenizer: TextEncoding,
  { specialTokens = true, onProgress }: EncodeFilesOptions = {},
): void {
  check("paths", paths, pathsExpected);
  check("tokenizer", tokenizer, objectWith("a tokenizer", "encode()"));
  check("tokenizer.vocabSize", tokenizer.vocabSize, count);
  checkAll({ specialTokens, onProgress }, { specialTokens: flag, onProgress: optional(callback) });
}

/** The tokens of text files, piece by piece. */
async function* encodeFiles(
  paths: readonly string[],
  tokenizer: TextEncoding,
  { specialTokens = true, onProgress }: EncodeFilesOptions = {},
): AsyncGenerator<readonly number[], void, undefined> {
  const encodeOptions: EncodeOptions = specialTokens ? { allowedSpecial: "all" } : { disallowedSpecial: [] };
  let totalBytes = 0;
  for (const path of paths) totalBytes += await sizeOfDataFile(path);
  const yielder = new EventLoopYielder();
  let [bytes, tokens] = [0, 0];
  for await (const { path, text } of readFiles(paths)) {
    const ids = checkIds(await encode(tokenizer, text, encodeOptions, path), tokenizer);
    yield ids;
    bytes += Buffer.byteLength(text);
    tokens += ids.length;
    onProgress?.({ bytes, totalBytes, tokens });
    await yielder.pause();
  }
}

async function encode(
  tokenizer: TextEncoding,
  text: string,
  options: EncodeOptions,
  path: string,
): Promise<readonly number[]> {
  try {
    return tokenizer.encode(text, options);
  } catch (error) {
    throw isUnknown(error) ? await unknownCharacter(path, tokenizer, error) : error;
  }
}

/** Ids that the vocabulary does not have would be cut to 16 bits, without a word. */
function checkIds(ids: readonly number[], { vocabSize }: TextEncoding): readonly number[] {
  const wrong = ids.find((id) => !(id >= 0 && id < vocabSize));
  if (wrong === undefined) return ids;
  throw new TrainError(
    "token-out-of-range",
    `the tokenizer gave the id ${quote(wrong)}, but says that it has ${vocabSize} entries (vocabSize)`,
  );
}

function isUnknown(error: unknown): error is Error {
  return isGptError(error) && error.code === "unknown-character";
}

/** The error for the first character of a file that a tokenizer does not know. It knows the place in a piece alone. */
async function unknownCharacter(path: string, tokenizer: TextEncoding, cause: Error): Promise<Error> {
  const known = new Set<string>();
  const isKnown = (character: string): boolean => {
    try {
      tokenizer.encode(character);
      return true;
    } catch (error) {
      if (isUnknown(error)) return false;
      throw error;
    }
  };
  let [line, column] = [1, 1];
  for await (const text of readText([path])) {
    for (const character of text) {
      if (!known.has(character)) {
        if (!isKnown(character)) {
          const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0");
          return new TrainError(
            "unknown-character",
            `${path}, line ${line}, column ${column}: the tokenizer does not know the character ` +
              `${quote(character)} (U+${code}); remove it, or use a tokenizer that has it`,
            { cause },
          );
        }
        known.add(character);
      }
      [line, column] = character === "\n" ? [line + 1, 1] : [line, column + 1];
    }
  }
  return cause;
}

/** Collects tokens, in memory while they fit, then in a file. */
class TokenStore {
  /** Tokens so far. */
  length = 0;
  readonly #tokenBytes: 2 | 4;
  readonly #memoryLimit: number;
  readonly #directory: string;
  #memory: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  /** Tokens in `#memory`. */
  #held = 0;
  #file: { readonly handle: FileHandle; readonly path: string } | undefined;

  constructor(tokenBytes: 2 | 4, memoryLimit: number, directory: string) {
    this.#tokenBytes = tokenBytes;
    this.#memoryLimit = memoryLimit;
    this.#directory = directory;
    this.#memory = this.#allocate(2 ** 16);
  }

  async append(ids: ArrayLike<number>): Promise<void> {
    const needed = this.#held + ids.length;
    if (needed > this.#memory.length) {
      const grown = this.#allocate(Math.max(needed, 2 * this.#memory.length));
      grown.set(this.#memory.subarray(0, this.#held));
      this.#memory = grown;
    }
    this.#memory.set(ids, this.#held);
    this.#held = needed;
    this.length += ids.length;
    if (this.#held * this.#tokenBytes > this.#memoryLimit) await this.#spill();
  }

  async finish(): Promise<TokenizedText> {
    const close = (): Promise<void> => this.close();
    if (this.#file) {
      await this.#spill();
      const { handle, path } = this.#file;
      const read = (offset: number, length: number): Promise<Uint8Array> => readTemporary(handle, path, offset, length);
      return tokensOf({ read, close }, { start: 0, length: this.length, tokenBytes: this.#tokenBytes });
    }
    const source = tokensInMemory(this.#memory.subarray(0, this.#held));
    return { ...source, close, [Symbol.asyncDispose]: close };
  }

  async close(): Promise<void> {
    await this.#file?.handle.close();
    this.#file = undefined;
  }

  /** Moves what is in memory to the end of the file. */
  async #spill(): Promise<void> {
    const { handle, path } = (this.#file ??= await temporaryFile(this.#directory));
    const bytes = new Uint8Array(this.#memory.buffer, 0, this.#held * this.#tokenBytes);
    try {
      for (let written = 0; written < bytes.length;) {
        written += (await handle.write(bytes, written, bytes.length - written)).bytesWritten;
      }
    } catch (error) {
      throw temporaryFileError(path, error);
    }
    this.#held = 0;
  }

  #allocate(length: number): Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> {
    return this.#tokenBytes === 2 ? new Uint16Array(length) : new Uint32Array(length);
  }
}

/** A file without a name, so that nothing is left of it when the process ends, however it does. */
async function temporaryFile(directory: string): Promise<{ handle: FileHandle; path: string }> {
  const path = join(directory, `gpt-tokens-${randomUUID()}`);
  try {
    const handle = await open(path, "wx+");
    await rm(path, { force: true });
    return { handle, path };
  } catch (error) {
    throw temporaryFileError(path, error);
  }
}

/** Exactly these bytes of the temporary file, which nobody else knows. */
async function readTemporary(handle: FileHandle, path: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) throw new TrainError("read-failed", `the temporary file ${path} ends at byte ${offset + filled}`);
    filled += bytesRead;
  }
  return bytes;
}

function temporaryFileError(path: string, cause: unknown): TrainError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TrainError(
    "write-failed",
    `the tokens cannot be kept in the temporary file ${path}: ${reason}; ` +
      "free space, or name another temporaryDirectory",
    { cause },
  );
}
