import { CallQueue } from "./queue.ts";
import type { Kernel } from "./queue.ts";
import { nodeThreads } from "./threading.ts";
import type { WasmExports } from "../../../generated/wasm-exports.ts";

/** What a worker is told: which kernels on which memory, where the queue lies, and its own number, from 1. */
export interface Assignment {
  readonly module: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  readonly queue: number;
  readonly thread: number;
  /** What kernels that are added are made from. */
  readonly added?: unknown;
}

/** Kernels that a thread has beside the compiled ones, made from what `Assignment.added` says. */
export type AddKernels = (exports: WasmExports, memory: WebAssembly.Memory, added: unknown) => object;

/** Makes calls from a queue until that stops, as the script of a worker. */
export function serve(addKernels?: AddKernels): void {
  const threads = nodeThreads();
  if (threads) {
    work(threads.workerData as Assignment, addKernels, () => threads.parentPort?.postMessage("ready"));
    return;
  }
  addEventListener("message", ({ data }: MessageEvent<Assignment>) => {
    work(data, addKernels, () => postMessage("ready"));
    close();
  });
}

function work({ module, memory, queue, thread, added }: Assignment, addKernels: AddKernels | undefined, ready: () => void): void {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = { ...exports, ...addKernels?.(exports as unknown as WasmExports, memory, added) };
  const calls = new CallQueue(memory, queue, Object.values(kernels) as Kernel[], thread);
  ready();
  calls.serve();
}
