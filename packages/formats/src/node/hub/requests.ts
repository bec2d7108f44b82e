import { quote } from "@gpt/common";
import { FormatError } from "../../errors.ts";
import { bodyOf, PassingFailure, pause, UnreachableError, withinTime } from "../../open-request.ts";
import type { OpenRequest } from "../../open-request.ts";
import { refusal } from "./refusals.ts";
import type { Question } from "./refusals.ts";
import type { HubSettings } from "./settings.ts";

/** How often a request is made that fails for a reason that may pass. */
const mostTries = 5;
/** Seconds that a server may ask to wait for; beyond, the user decides. */
const longestWait = 120;
const mostRedirects = 10;
/** Bytes after which failures are counted anew: a connection that breaks now and then ends no large download. */
const steadyProgress = 2 ** 20;

/** What a server answered, while it arrives. */
export interface Answer {
  readonly status: 200 | 206 | 416;
  readonly headers: Headers;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Asks the hub: with the token, but no other host; within limits of time; and again where that may help. */
export class HubRequests {
  readonly settings: HubSettings;

  constructor(settings: HubSettings) {
    this.settings = settings;
  }

  /**
   * Does what `use` does with an answer, and does it again after failures that may pass; `progress` tells bytes that were
   * gained, which make up for failures. Throws `not-found`, `access-denied` and `download-failed`.
   */
  async ask<T>(
    question: Question, use: (answer: Answer) => Promise<T>, headers: () => Record<string, string> = () => ({}), progress = (): number => 0,
  ): Promise<T> {
    let gained = progress();
    for (let failures = 0; ;) {
      try {
        return await this.#once(question, headers(), use);
      } catch (error) {
        if (!(error instanceof PassingFailure)) throw error;
        failures = progress() >= gained + steadyProgress ? 1 : failures + 1;
        gained = progress();
        const seconds = error.wait ?? this.settings.retrySeconds * 2 ** (failures - 1);
        if (failures < mostTries && seconds <= longestWait) await pause(seconds, this.settings.signal);
        else throw new FormatError("download-failed", `${question.what} cannot be downloaded: ${error.message}; try again later`, { cause: error });
      }
    }
  }

  async #once<T>(question: Question, headers: Record<string, string>, use: (answer: Answer) => Promise<T>): Promise<T> {
    return withinTime(this.settings, async (request) => {
      const response = await this.#follow(question, headers, request);
      return use({ status: response.status as Answer["status"], headers: response.headers, chunks: bodyOf(response, request) });
    });
  }

  async #follow(question: Question, headers: Record<string, string>, { signal, reasonOf }: OpenRequest): Promise<Response> {
    const { endpoint, token } = this.settings;
    const home = new URL(endpoint).origin;
    let url = new URL(question.url);
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const authorization = token !== "" && url.origin === home ? { authorization: `Bearer ${token}` } : undefined;
      let response: Response;
      try {
        // Compressed bytes would be others than those of a range.
        response = await fetch(url, { headers: { "accept-encoding": "identity", ...headers, ...authorization }, redirect: "manual", signal });
      } catch (cause) {
        throw reasonOf(cause, (error) => connectionError(url, question, error));
      }
      if (response.status === 416) return response;
      if (response.status < 300 || response.status >= 400) {
        if (response.status === 200 || response.status === 206) return response;
        throw refusal(response, url, question, this.settings);
      }
      url = redirected(url, response, question);
    }
    throw new FormatError("download-failed", `${question.what}: the server redirects more than ${mostRedirects} times`);
  }
}

/** Where an answer leads. Nothing that was asked for by https is taken from elsewhere. */
function redirected(url: URL, response: Response, { what }: Question): URL {
  const location = response.headers.get("location") ?? "";
  const target = location !== "" && URL.canParse(location, url) ? new URL(location, url) : undefined;
  const isSafe = target && (target.protocol === "https:" || (target.protocol === "http:" && url.protocol === "http:"));
  if (isSafe && target.username === "" && target.password === "") return target;
  throw new FormatError("download-failed", `${what}: the server redirects to ${quote(location)}, which is not followed`);
}

/** Errors of connections that no repetition mends soon. */
const unreachable = new Set(["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH"]);

function connectionError({ host }: URL, { what }: Question, error: Error): Error {
  const cause = error.cause as (Error & { code?: string; errors?: { code?: string }[] }) | undefined;
  const code = cause?.code ?? cause?.errors?.[0]?.code;
  const reason = code ?? cause?.message ?? error.message;
  if (code === undefined || !unreachable.has(code)) return new PassingFailure(`the connection to ${host} fails (${reason})`);
  return new UnreachableError("download-failed", `${what} cannot be downloaded: ${host} cannot be reached (${reason}); check the network`, { cause: error });
}
