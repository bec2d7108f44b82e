import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openInChromium } from "../../../test/chromium.ts";
import type { Starts } from "../../../test/policies/in-worker.ts";

const scripts = ["in-page.ts", "in-worker.ts"].map((name) => join(import.meta.dirname, "../../../test/policies", name));

/** How the backend starts in a Worker of a page that is cross-origin isolated, under a content security policy. */
async function startsUnder(policy: string | undefined): Promise<Starts> {
  const headers: Record<string, string> = policy === undefined ? {} : { "content-security-policy": policy };
  const page = await openInChromium(scripts, {}, undefined, headers);
  try {
    return (await page.result()) as Starts;
  } finally {
    await page.close();
  }
}

const product = [7, 10, 15, 22];

describe("in an isolated Worker", () => {
  test("without a policy, all cores compute", async () => {
    const { cores, byDefault, twoThreads, missingWorker } = await startsUnder(undefined);
    expect(byDefault).toEqual({ threads: cores, obstacle: undefined, product });
    expect(twoThreads).toEqual({ threads: 2, obstacle: undefined, product });
    expect(missingWorker.error?.code).toBe("backend-failure");
  });

  test("where workers must come from the page's own origin, one thread computes, and the backend says why", async () => {
    const { byDefault, twoThreads, missingWorker, defaultBackend } = await startsUnder("worker-src 'self'");
    expect(byDefault).toMatchObject({ threads: 1, product });
    expect(byDefault.obstacle).toMatch(/a worker does not start: .*allow `worker-src blob:` or give a `workerUrl`/);
    expect(defaultBackend.error).toBeUndefined();
    expect(twoThreads.error).toEqual({ code: "backend-failure", message: byDefault.obstacle });
    expect(missingWorker.error?.code).toBe("backend-failure");
  });

  test("where WebAssembly may not be compiled, the error says what to allow", async () => {
    const { byDefault, twoThreads, defaultBackend } = await startsUnder("script-src 'self'");
    for (const { error } of [byDefault, twoThreads, defaultBackend]) {
      expect(error?.code).toBe("backend-failure");
      expect(error?.message).toContain("allow 'wasm-unsafe-eval'");
    }
  });
});
