import { FormatError } from "@gpt/formats";
import { TokenizerError } from "../errors.ts";
import type { TokenizerErrorCode } from "../errors.ts";

const ownCodes: readonly string[] = [
  "invalid-file", "unsupported-file", "not-found", "access-denied", "download-failed", "read-failed", "write-failed",
];

/** Errors of files as errors of this package; `prefix` goes before what the hub answers. */
export async function asOurs<T>(work: Promise<T>, prefix = ""): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    const { code, message } = cause;
    const isOfHub = ["not-found", "access-denied", "download-failed"].includes(code);
    throw new TokenizerError((ownCodes.includes(code) ? code : "invalid-option") as TokenizerErrorCode, isOfHub ? prefix + message : message, { cause });
  }
}
