/** A worker whose kernels never return. */
import { CallQueue } from "../src/backends/wasm/runtime/queue.ts";
import { nodeThreads } from "../src/backends/wasm/runtime/threading.ts";
import type { Assignment } from "../src/backends/wasm/runtime/serve.ts";

const threads = nodeThreads();
const { memory, queue, thread } = threads?.workerData as Assignment;
const never = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
threads?.parentPort?.postMessage("ready");
new CallQueue(memory, queue, new Array<typeof never>(1000).fill(never), thread).serve();
