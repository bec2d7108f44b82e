import { serve } from "../harness/serve.ts";
import { timeCalls } from "../harness/time-calls.ts";
import { arithmeticLimit, readLimit } from "../limits/limits.ts";
import type { Limit } from "../limits/limits.ts";

export type LimitSetup = { readonly build: "relaxed" | "simd" } | { readonly megabytes: number };

export interface LimitResult {
  readonly times: readonly number[];
  /** Floating-point operations, or bytes, in each of them. */
  readonly amount: number;
}

await serve<LimitSetup, { milliseconds: number }>(async (setup) => {
  const limit: Limit = "build" in setup ? arithmeticLimit(setup.build) : readLimit(setup.megabytes);
  return {
    version: "",
    run: async ({ milliseconds }): Promise<LimitResult> => ({
      times: await timeCalls(milliseconds, limit.call),
      amount: limit.amount,
    }),
  };
});
