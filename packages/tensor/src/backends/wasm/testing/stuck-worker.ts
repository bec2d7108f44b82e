/** A worker whose kernels never return. */
import { parentPort, workerData } from "node:worker_threads";
import { CallQueue } from "../queue.ts";
import type { Assignment } from "../worker.ts";

const { memory, queue, thread } = workerData as Assignment;
const never = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
parentPort?.postMessage("ready");
new CallQueue(memory, queue, new Array<typeof never>(1000).fill(never), thread).serve();
