import { quote } from "@gpt/common";
import { checkArgument, text } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { checkRange } from "./random-access.ts";
import type { RandomAccessFile } from "./random-access.ts";

/** How a file is asked for from a server. */
export interface UrlOptions {
  /** For instance an authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends requests. */
  readonly signal?: AbortSignal;
  /** Another `fetch`. */
  readonly fetch?: typeof fetch;
}

/**
 * A file behind a server that serves ranges (RFC 9110, section 14), to be read by them; gives undefined where the server
 * has none (404). All ranges must be of one version of the file: its entity tag, or else its size, is compared. Throws
 * `invalid-input`, and `read-failed` with the server's status.
 *
 * @example
 * const file = await openUrl("https://example.org/model.safetensors");
 */
export async function openUrl(url: string | URL, options: UrlOptions = {}): Promise<RandomAccessFile | undefined> {
  const name = String(url);
  checkArgument("url", name, text, (problem) => new FormatError("invalid-input", `openUrl: ${problem}`));
  if (!URL.canParse(name)) throw new FormatError("invalid-input", `openUrl: ${quote(name)} is not an absolute address`);
  const first = await request(name, 0, 1, options);
  if (first === undefined) return undefined;
  const { size, tag } = first;
  return {
    name,
    size,
    async read(offset, length) {
      checkRange({ name, size }, offset, length);
      if (length === 0) return new Uint8Array(0);
      const part = await request(name, offset, length, options);
      if (part?.size !== size || part.tag !== tag) {
        throw new FormatError("read-failed", `${name} has changed since it was opened; open it again`);
      }
      if (part.bytes.length === length) return part.bytes;
      throw new FormatError("read-failed", `${name} gave ${part.bytes.length} of ${length} bytes from byte ${offset}`);
    },
    close: () => Promise.resolve(),
  };
}

interface Part {
  readonly bytes: Uint8Array;
  /** Of the whole file. */
  readonly size: number;
  readonly tag: string | null;
}

async function request(url: string, offset: number, length: number, options: UrlOptions): Promise<Part | undefined> {
  const { headers, signal, fetch: get = fetch } = options;
  let response: Response;
  try {
    response = await get(url, { headers: { ...headers, Range: `bytes=${offset}-${offset + length - 1}` }, signal });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new FormatError("read-failed", `${url} cannot be reached: ${(cause as Error).message}; check address and network`, {
      cause,
    });
  }
  const { status } = response;
  const tag = response.headers.get("etag");
  try {
    if (status === 404) return undefined;
    // An empty file has no first byte.
    if (status === 416) {
      const size = /^bytes \*\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
      if (size === "0") return { bytes: new Uint8Array(0), size: 0, tag };
    }
    if (status === 200) {
      throw new FormatError("read-failed", `${url}: the server does not serve ranges; download the file, and open that`);
    }
    const [, start, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "") ?? [];
    if (status !== 206) throw new FormatError("read-failed", `${url}: the server answers ${status} ${response.statusText}`);
    if (Number(start) !== offset || !Number.isSafeInteger(Number(size))) {
      throw new FormatError("read-failed", `${url}: the server answers with another range than it was asked for`);
    }
    return { bytes: await bytesOf(response, length), size: Number(size), tag };
  } catch (cause) {
    if (cause instanceof FormatError || signal?.aborted) throw cause;
    throw new FormatError("read-failed", `${url}: the answer broke off: ${(cause as Error).message}; try again`, { cause });
  } finally {
    if (!response.bodyUsed) await response.body?.cancel();
  }
}

/** The body of an answer, of which no more than `length` bytes are held. */
async function bytesOf(response: Response, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  const reader = response.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true };
    if (done || value === undefined) return bytes.subarray(0, filled);
    if (filled + value.length > length) {
      await reader?.cancel();
      throw new FormatError("read-failed", `${response.url} gave more than ${length} bytes`);
    }
    bytes.set(value, filled);
    filled += value.length;
  }
}
