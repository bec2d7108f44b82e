import { FormatError } from "../errors.ts";
import { bodyOf, PassingFailure, UnreachableError, withinTime } from "../open-request.ts";

/** How files are asked for. */
export interface RequestOptions {
  /** For instance an authorization. Sent to the address that was given. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends requests. */
  readonly signal?: AbortSignal;
  /** Another `fetch`. */
  readonly fetch?: typeof fetch;
  /** Seconds without a byte after which a request is made again. Default 30. */
  readonly stallSeconds?: number;
  /** Seconds before the first repetition of a request that failed; three times as many before each further one. Default 0.5. @internal */
  readonly retrySeconds?: number;
}

/** What a server says of a file before its bytes. */
export interface FileAnswer {
  /** Bytes of the whole file, or undefined where the server does not say. */
  readonly size: number | undefined;
  readonly tag: string | null;
  /** Whether the answer is the whole file, whatever was asked for: so it is where the server knows no ranges. */
  readonly isWhole: boolean;
  readonly chunks: AsyncGenerator<Uint8Array>;
}

const mostTries = 4;

/**
 * Asks for the bytes of a file from `first` to before `end`, and does what `use` does with the answer; undefined where the server has no
 * such file. What fails for a reason that may pass is tried again, `tries` times in all, from where `first` says then. Throws `access-denied`,
 * `download-failed`, and what `use` throws.
 */
export async function askFile<T>(
  url: string, range: () => readonly [first: number, end: number], use: (answer: FileAnswer) => Promise<T>, options: RequestOptions, tries = mostTries,
): Promise<T | undefined> {
  const { signal, retrySeconds = 0.5 } = options;
  for (let failures = 0, last = -1; ;) {
    signal?.throwIfAborted();
    const [first, end] = range();
    // A connection that breaks now and then ends no download.
    if (first > last) failures = 0;
    last = first;
    try {
      return await once(url, first, end, use, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof PassingFailure)) throw error;
      if (++failures >= tries) {
        throw new UnreachableError("download-failed", `${url} cannot be downloaded: ${error.message}; check address and network, and that the server lets this page read it (CORS)`, { cause: error });
      }
      await new Promise((resolve) => setTimeout(resolve, retrySeconds * 1000 * 3 ** (failures - 1)));
    }
  }
}

async function once<T>(
  url: string, first: number, end: number, use: (answer: FileAnswer) => Promise<T>, { headers, signal, fetch: get = fetch, stallSeconds = 30 }: RequestOptions,
): Promise<T | undefined> {
  return withinTime({ signal, stallSeconds }, async (request) => {
    let response: Response;
    try {
      // What is kept is kept here: the browser's cache would have it a second time.
      response = await get(url, { headers: { ...headers, range: `bytes=${first}-${end - 1}` }, signal: request.signal, cache: "no-store" });
    } catch (cause) {
      throw request.reasonOf(cause, (cause) => new PassingFailure(cause.message, { cause }));
    }
    const answer = read(url, response, first);
    return answer && use({ ...answer, chunks: bodyOf(response, request) });
  });
}

function read(url: string, response: Response, first: number): Omit<FileAnswer, "chunks"> | undefined {
  const { status, headers } = response;
  const tag = headers.get("etag");
  const range = headers.get("content-range") ?? "";
  if (status === 404 || status === 410) return undefined;
  if (status === 416 && /^bytes \*\/0$/.test(range)) return { size: 0, tag, isWhole: true };
  if (status === 206) {
    const [, start, size] = /^bytes (\d+)-\d+\/(\d+)$/.exec(range) ?? [];
    if (Number(start) === first && Number.isSafeInteger(Number(size))) return { size: Number(size), tag, isWhole: false };
    throw new FormatError("download-failed", `${url}: the server answers with another range than it was asked for, or does not let this page see which (Access-Control-Expose-Headers: Content-Range)`);
  }
  if (status === 200) {
    const length = headers.get("content-length");
    const isPlain = length !== null && /^\d+$/.test(length) && !headers.has("content-encoding");
    return { size: isPlain ? Number(length) : undefined, tag, isWhole: true };
  }
  if (status === 429 || status === 408 || status >= 500) throw new PassingFailure(`the server answers ${status}`);
  if (status === 401 || status === 403) {
    throw new FormatError("access-denied", `${url}: the server answers ${status}; check the address, or give { headers: { authorization: "Bearer …" } } of an account that may read it`);
  }
  throw new FormatError("download-failed", `${url}: the server answers ${status} ${response.statusText}`);
}
