/** The script of a worker: makes calls from a queue until that stops. It is bundled into one file, and that embedded. */
import { CallQueue } from "./queue.ts";
import type { Kernel } from "./queue.ts";
import { nodeThreads } from "./threading.ts";

/** What a worker is told: which kernels on which memory, where the queue lies, and its own number, from 1. */
export interface Assignment {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly queue: number;
  readonly thread: number;
}

const threads = nodeThreads();
if (threads) {
  work(threads.workerData as Assignment, () => threads.parentPort?.postMessage("ready"));
} else {
  addEventListener("message", ({ data }: MessageEvent<Assignment>) => {
    work(data, () => postMessage("ready"));
    close();
  });
}

function work({ module, memory, queue, thread }: Assignment, reportReady: () => void): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const calls = new CallQueue(memory, queue, Object.values(exports) as Kernel[], thread);
  reportReady();
  calls.serve();
}
