import { TensorError } from "../../../errors.ts";
import type { WasmExports } from "../../../generated/wasm-exports.ts";
import type { StartedKernels } from "./build.ts";
import type { ProviderKernels } from "./provider.ts";
import { CallQueue, queueBytes, queueLength } from "./queue.ts";
import type { Kernel } from "./queue.ts";
import { startWorker } from "./start-worker.ts";

/** Bytes of a cache line. */
const lineBytes = 64;

type ThreadKernels = WasmExports & ProviderKernels;

/** Those of a thread's functions that are kernels, which return nothing. */
type KernelName = {
  [Name in keyof ThreadKernels]: ThreadKernels[Name] extends (...values: never[]) => infer Result
    ? [Result] extends [void]
      ? Name
      : never
    : never;
}[keyof ThreadKernels];

/** A call of a kernel: its name and its arguments. */
export type KernelCall = { [Name in KernelName]: readonly [Name, ...Parameters<ThreadKernels[Name]>] }[KernelName];

export interface ThreadPoolOptions {
  /** How many threads make calls, the calling one included. */
  readonly threads: number;
  readonly workerUrl?: string | URL;
  /** Milliseconds after which a call that does not finish is given up. */
  readonly timeout?: number;
}

/** The calling thread and its workers, which live until `dispose` and do not keep the program running. */
export class ThreadPool {
  readonly threads: number;
  /** The first address behind the memory that the threads use to agree. */
  readonly end: number;
  readonly #queue: CallQueue;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #timeout: number;
  #loss: TensorError | undefined;

  private constructor({ memory, exports }: StartedKernels, queue: number, { threads, timeout = 60_000 }: ThreadPoolOptions) {
    this.threads = threads;
    this.end = queue + queueBytes;
    this.#queue = new CallQueue(memory, queue, Object.values(exports) as Kernel[], 0);
    this.#numbers = new Map(Object.keys(exports).map((name, number) => [name, number]));
    this.#timeout = timeout;
  }

  /**
   * Starts the workers, for kernels on a shared memory, and waits until they are there. Throws `backend-failure` where
   * one does not start.
   */
  static async start(kernels: StartedKernels, options: ThreadPoolOptions): Promise<ThreadPool> {
    const { module, memory, exports, added } = kernels;
    const { threads, workerUrl } = options;
    const queue = Math.ceil(Number(exports.heapBase.value) / lineBytes) * lineBytes;
    const pool = new ThreadPool(kernels, queue, options);
    const onEnd = (problem: string): void => pool.#lose(problem);
    const starts = Array.from({ length: threads - 1 }, (_, index) =>
      startWorker({ module, memory, queue, thread: index + 1, added: added?.from }, { script: added?.script, url: workerUrl }, onEnd),
    );
    const failure = (await Promise.allSettled(starts)).find((start) => start.status === "rejected");
    if (failure) {
      pool.dispose();
      throw failure.reason;
    }
    return pool;
  }

  /** Throws `backend-failure` once a worker was lost. */
  check(): void {
    if (this.#loss) throw this.#loss;
  }

  /**
   * Makes calls that do not depend on one another, on all threads. `threadStep` is added to the last argument on the
   * second thread, twice that on the third, and so on.
   */
  run(calls: readonly KernelCall[], threadStep: number): void {
    this.check();
    for (let first = 0; first < calls.length; first += queueLength) {
      const some = calls.slice(first, first + queueLength);
      some.forEach(([name, ...values], index) => {
        this.#queue.write(index, this.#numbers.get(name) ?? -1, values, threadStep);
      });
      this.#queue.start(some.length);
      this.#queue.makeCalls();
      if (!this.#queue.waitForOthers(this.#timeout)) {
        this.#lose(`one did not finish its work in ${this.#timeout / 1000} s`);
        this.check();
      }
    }
    if (this.#queue.takeFailure()) throw new TensorError("backend-failure", "wasm: a kernel failed on one of the threads");
  }

  dispose(): void {
    this.#queue.stop();
  }

  #lose(problem: string): void {
    this.#loss ??= new TensorError(
      "backend-failure",
      `wasm: a worker was lost (${problem}); dispose of this backend and start another one`,
    );
  }
}
