import { quote } from "@gpt/common";
import { FormatError } from "../../errors.ts";
import { PassingFailure } from "../../open-request.ts";
import type { HubSettings } from "./settings.ts";

/** What is asked of the hub: `what` says it for messages. */
export interface Question {
  readonly url: string;
  readonly repository: string;
  readonly what: string;
}

/** An answer other than what was asked for, as an error that says what to do. */
export function refusal({ status, headers }: Response, url: URL, { repository, what }: Question, { endpoint, token }: HubSettings): Error {
  const code = headers.get("x-error-code");
  const isNoRepository = code === "RepoNotFound" || (status === 401 && token === "");
  if (status === 429) return new PassingFailure("the server has too many requests (429)", { wait: retryAfter(headers) });
  // Where files lie addresses are good for some time, and a new one is asked for.
  const isElsewhere = url.origin !== new URL(endpoint).origin;
  if (status >= 500 || status === 408 || isElsewhere) return new PassingFailure(`the server answers ${status}`, { wait: retryAfter(headers) });
  if (code === "GatedRepo" || status === 403) {
    const then = token === "" ? ", and set HF_TOKEN to a token of that account" : " with the account of the token that is used";
    const advice = `accept its conditions at ${endpoint}/${repository}${then}`;
    return new FormatError("access-denied", `${repository} is gated, or closed to this account (${status}): ${advice}`);
  }
  if (isNoRepository) {
    const advice =
      token === "" ? `set HF_TOKEN to a token that may read it (${endpoint}/settings/tokens)` : "the token that is used may not read it";
    return new FormatError(
      code === "RepoNotFound" ? "not-found" : "access-denied",
      `${endpoint} has no model ${repository}, or it is private (${status}): check the name, or, where it is private, ${advice}`,
    );
  }
  if (status === 401) {
    return new FormatError("access-denied", `${endpoint} does not accept the token (401): take another one from ${endpoint}/settings/tokens`);
  }
  if (status === 404 || status === 410) return new FormatError("not-found", `${endpoint} has no ${what} (${status}): check the name and the revision`);
  const reason = headers.get("x-error-message");
  return new FormatError("download-failed", `${what}: the server answers ${status}${reason ? `, ${quote(reason.slice(0, 200))}` : ""}`);
}

/** Seconds after which a server wants to be asked again (RFC 9110, section 10.2.3). */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get("retry-after")?.trim() ?? "";
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : Math.max(0, (time - Date.now()) / 1000);
}
