import { check } from "../arguments.ts";
import { TensorError } from "../errors.ts";
import { callback } from "../expectations.ts";

/** Runs a function whose effects end when it returns; one that returns a promise would outlive them, and throws. */
export function runSynchronously<T>(region: string, run: () => T): T {
  check(region, "the region", run, callback);
  const result = run();
  if (isPromise(result)) {
    // The promise is refused here; its own failure must not surface as an unhandled rejection as well.
    result.then(undefined, () => undefined);
    throw new TensorError(
      "asynchronous-region",
      `${region}: the function returned a promise, but the region ends when the function returns; ` +
        `await outside of ${region}, and hold and dispose tensors by hand in asynchronous code`,
    );
  }
  return result;
}

export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
