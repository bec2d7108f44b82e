import { check } from "../arguments.ts";
import type { Backend } from "../contract/index.ts";
import { wholeNumber } from "../expectations.ts";

/** Models with their optimizer or caches have some hundreds of buffers; a step that frees nothing makes tens or hundreds. */
let limit = 20_000;

/**
 * Sets at how many live buffers outside of any scope a program is warned, once, by `console.warn`: 20,000 by default, never
 * where it is 0. It is the only thing that this library ever writes.
 */
export function setMemoryWarning(liveBuffers: number): void {
  check("setMemoryWarning", "liveBuffers", liveBuffers, wholeNumber(0));
  limit = liveBuffers;
}

/** Looks at the memory of a backend on which a tensor came to be outside of any scope. */
export function watchMemory({ isMeta, memory: { liveBuffers, liveBytes } }: Backend): void {
  if (limit === 0 || isMeta || liveBuffers < limit) return;
  limit = 0;
  // eslint-disable-next-line no-console -- documented at `setMemoryWarning`
  console.warn(
    `@gpt/tensor: ${liveBuffers} buffers (${liveBytes} bytes) are live outside of any scope: use scope, noGrad or dispose, ` +
      "or setMemoryWarning(0)",
  );
}
