import { FormatError } from "./errors.ts";

/** A failure that may pass when the same is asked again: no network for a moment, a server that is busy. */
export class PassingFailure extends Error {
  /** Seconds that the server asks to wait. */
  readonly wait: number | undefined;

  constructor(message: string, options: ErrorOptions & { readonly wait?: number } = {}) {
    super(message, options);
    this.wait = options.wait;
  }
}

/** The server cannot be reached: what is kept from earlier may do. */
export class UnreachableError extends FormatError {}

/** Waits, until the signal ends that with its reason. */
export async function pause(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(done, seconds * 1000);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve();
    }
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}

/** A request that is under way. */
export interface OpenRequest {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Something arrived: the time for the next byte begins anew. */
  stillAlive(): void;
  /** Why it ended: the reason where it was ended from here, else what `otherwise` makes of the failure. */
  reasonOf(cause: unknown, otherwise: (cause: Error) => Error): Error;
}

/** Makes a request by `use`. It ends when the caller ends it, and fails where nothing arrives for some seconds. */
export async function withinTime<T>(
  { signal, stallSeconds }: { readonly signal?: AbortSignal; readonly stallSeconds: number }, use: (request: OpenRequest) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = (): void => end.abort(signal?.reason);
  const request: OpenRequest = {
    signal: end.signal,
    stillAlive() {
      clearTimeout(timer);
      timer = setTimeout(() => end.abort(new PassingFailure(`nothing arrived for ${stallSeconds} s`)), stallSeconds * 1000);
    },
    reasonOf: (cause, otherwise) => (end.signal.aborted ? (end.signal.reason as Error) : otherwise(cause as Error)),
  };
  signal?.throwIfAborted();
  signal?.addEventListener("abort", stop);
  try {
    request.stillAlive();
    return await use(request);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    // Closes the connection, should there be more.
    end.abort();
  }
}

/** The bytes of an answer, as they arrive. */
export async function* bodyOf(response: Response, request: OpenRequest): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  for (;;) {
    let chunk;
    try {
      request.stillAlive();
      chunk = await reader?.read();
    } catch (cause) {
      throw request.reasonOf(cause, (cause) => new PassingFailure("the connection was cut", { cause }));
    }
    if (!chunk || chunk.done) return;
    yield chunk.value;
  }
}
