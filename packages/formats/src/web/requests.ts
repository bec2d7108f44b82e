import { quote } from "@gpt/common";
import { FormatError } from "../errors.ts";
import { bodyOf, PassingFailure, pause, UnreachableError, withinTime } from "../open-request.ts";

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
 * `not-found` where the hub has no such repository or revision, `download-failed`, and what `use` throws.
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
        throw new UnreachableError("download-failed", `${url} cannot be downloaded: ${error.message}`, { cause: error });
      }
      await pause(retrySeconds * 3 ** (failures - 1), signal);
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
      throw request.reasonOf(cause, (cause) => new PassingFailure(`${cause.message}; check address and network, and that the server lets this page read it (CORS)`, { cause }));
    }
    const answer = read(url, response, first);
    return answer && use({ ...answer, chunks: bodyOf(response, request) });
  });
}

function read(url: string, response: Response, first: number): Omit<FileAnswer, "chunks"> | undefined {
  const { status, headers } = response;
  const tag = headers.get("etag");
  const range = headers.get("content-range") ?? "";
  const hubCode = headers.get("x-error-code");
  if ((status === 404 || status === 410) && hubCode !== "RepoNotFound" && hubCode !== "RevisionNotFound") return undefined;
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
  throw refusal(url, response, hubCode);
}

/** An answer without a file, as an error that says what to do. The Hugging Face hub says more than its status. */
function refusal(url: string, { status, statusText, headers }: Response, hubCode: string | null): Error {
  const advice = 'give { headers: { authorization: "Bearer …" } } of an account that may read it';
  if (hubCode === "RevisionNotFound") return new FormatError("not-found", `${url}: the hub has no such revision (${status}); check what is behind @`);
  if (hubCode === "RepoNotFound") {
    return new FormatError("not-found", `${url}: the hub has no such repository, or it is private (${status}): check the name, or, where it is private, ${advice}`);
  }
  if (hubCode === "GatedRepo") {
    return new FormatError("access-denied", `${url}: the repository is gated (${status}): accept its conditions on its page, and ${advice}`);
  }
  if (status === 429) return new PassingFailure("the server has too many requests (429); try again later");
  if (status === 408 || status >= 500) return new PassingFailure(`the server answers ${status}; try again later`);
  const said = headers.get("x-error-message");
  const answers = `the server answers ${[status, said ? quote(said.slice(0, 200)) : statusText].filter(Boolean).join(" ")}`;
  if (status === 401 || status === 403) return new FormatError("access-denied", `${url}: ${answers}; check the address, or ${advice}`);
  return new FormatError("download-failed", `${url}: ${answers}`);
}
