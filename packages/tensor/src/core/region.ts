import { check } from "../arguments.ts";
import { TensorError } from "../errors.ts";
import { callback } from "../expectations.ts";

/** Runs a function whose effects end when it returns; one that returns a promise would outlive them, and throws. */
export function runSynchronously<T>(region: string, run: () => T): T {
  check(region, "the region", run, callback);
  const result = run();
  if (isRefusedPromise(result)) {
    throw new TensorError(
      "asynchronous-region",
      `${region}: the function returned a promise, but the region ends when the function returns; ` +
        `await outside of ${region}, and hold and dispose tensors by hand in asynchronous code`,
    );
  }
  return result;
}

/** Whether a value that an error refuses is a promise, whose failure is then no unhandled rejection as well. */
export function isRefusedPromise(value: unknown): boolean {
  const isPromise = typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === "function";
  if (isPromise) (value as PromiseLike<unknown>).then(undefined, () => undefined);
  return isPromise;
}
