import { TensorError } from "../../../errors.ts";
import { script as wasmScript } from "../../../generated/worker-script.ts";
import { nodeThreads } from "./threading.ts";
import type { NodeThreads } from "./threading.ts";
import type { Assignment } from "./serve.ts";

/** What a worker runs: a script, or one at a URL. Default: the embedded script of this backend. */
interface WorkerSource {
  readonly script?: string;
  readonly url?: string | URL;
}

/**
 * Starts a worker, which then does not keep the program running. Resolves once it is ready; afterwards `onEnd` is told when
 * it ends. Throws `backend-failure`.
 */
export async function startWorker(
  assignment: Assignment,
  source: WorkerSource,
  onEnd: (problem: string) => void,
): Promise<void> {
  const threads = nodeThreads();
  try {
    if (threads) await startNodeWorker(threads, assignment, source, onEnd);
    else await startWebWorker(assignment, source, onEnd);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : "its script cannot be loaded";
    throw new TensorError(
      "backend-failure",
      `wasm: a worker does not start: ${problem}; use \`threads: 1\`, or, where a content security policy forbids it, ` +
        "allow `worker-src blob:` or give a `workerUrl`",
      { cause },
    );
  }
}

async function startNodeWorker(
  { Worker }: NodeThreads,
  workerData: Assignment,
  { script = wasmScript, url }: WorkerSource,
  onEnd: (problem: string) => void,
): Promise<void> {
  // Without the flags of the program, which may load what a worker has no use for.
  const options = { workerData, execArgv: [], name: "@gpt/tensor" };
  const worker = url === undefined ? new Worker(script, { ...options, eval: true }) : new Worker(new URL(url), options);
  await new Promise((ready, fail) => {
    worker.once("message", ready);
    worker.on("error", (error) => {
      fail(error);
      onEnd(error.message);
    });
    worker.on("exit", (status) => {
      fail(new Error(`it ended with status ${status}`));
      onEnd(`it ended with status ${status}`);
    });
  });
  worker.unref();
}

async function startWebWorker(
  assignment: Assignment,
  { script = wasmScript, url }: WorkerSource,
  onEnd: (problem: string) => void,
): Promise<void> {
  const embedded = url === undefined ? URL.createObjectURL(new Blob([script], { type: "text/javascript" })) : undefined;
  try {
    const worker = new Worker(url ?? embedded ?? "");
    await new Promise((ready, fail) => {
      worker.onmessage = ready;
      worker.onerror = (event) => {
        event.preventDefault();
        fail(new Error(event.message || "its script cannot be loaded"));
        onEnd(event.message);
      };
      worker.postMessage(assignment);
    });
  } finally {
    if (embedded !== undefined) URL.revokeObjectURL(embedded);
  }
}
