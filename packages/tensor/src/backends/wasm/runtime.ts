/** What runtimes differ in. No module is imported, so that bundlers find nothing that a browser does not have. */
import type * as WorkerThreads from "node:worker_threads";

interface ServerProcess {
  getBuiltinModule?(name: "node:worker_threads"): typeof WorkerThreads;
}

/** The workers of Node, Bun and Deno; none in browsers. */
export function nodeThreads(): typeof WorkerThreads | undefined {
  return (globalThis as { process?: ServerProcess }).process?.getBuiltinModule?.("node:worker_threads");
}

/** How many threads run at once on this machine. */
export function availableThreads(): number {
  return navigator.hardwareConcurrency;
}

/** Why this place cannot have threads that share memory, and what to do; nothing where it can. */
export function obstacleToThreads(): string | undefined {
  if (typeof SharedArrayBuffer === "undefined") {
    return (
      "this page is not cross-origin isolated: serve it with the headers `Cross-Origin-Opener-Policy: same-origin` and " +
      "`Cross-Origin-Embedder-Policy: require-corp`"
    );
  }
  if (!mayWait()) return "the main thread of a page may not wait for other threads: start the backend in a Worker";
  return undefined;
}

function mayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}
