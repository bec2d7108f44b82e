/** What runtimes differ in. */

/** What is used of `node:worker_threads`. */
export interface NodeThreads {
  readonly Worker: new (script: string | URL, options: NodeWorkerOptions) => NodeWorker;
  readonly workerData: unknown;
  readonly parentPort: { postMessage(message: unknown): void } | null;
}

interface NodeWorkerOptions {
  readonly eval?: boolean;
  readonly workerData: unknown;
  readonly execArgv: readonly string[];
  readonly name: string;
}

interface NodeWorker {
  once(event: "message", listener: (message: unknown) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "exit", listener: (status: number) => void): void;
  unref(): void;
}

interface NodeProcess {
  getBuiltinModule?(name: "node:worker_threads"): NodeThreads;
}

/** The workers of Node, Bun and Deno, without an import that bundlers would look for; none in browsers. */
export function nodeThreads(): NodeThreads | undefined {
  return (globalThis as { process?: NodeProcess }).process?.getBuiltinModule?.("node:worker_threads");
}

/** How many threads run at once on this machine; 1 where it does not tell. */
export function availableThreads(): number {
  return (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 1;
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
