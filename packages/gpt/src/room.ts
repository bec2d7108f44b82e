import type { Backend } from "@gpt/tensor";
import { GPTError } from "./errors.ts";

/**
 * Refuses (`too-large`) what a backend can never hold beside what it holds already, before anything is allocated. Where
 * the machine decides, the backend finds out as it allocates.
 */
export function checkRoom(what: string, bytesOf: () => number, { name, memory }: Backend, advice: string): void {
  const { maxBytes, liveBytes } = memory;
  if (maxBytes === undefined) return;
  const bytes = bytesOf();
  if (liveBytes + bytes <= maxBytes) return;
  const held = liveBytes > 0 ? `, of which ${gigabytes(liveBytes)} are in use` : "";
  throw new GPTError(
    "too-large", `${what} takes ${gigabytes(bytes)}; the backend ${name} holds ${gigabytes(maxBytes)}${held}; ${advice}`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toPrecision(3)} GB`;
}
