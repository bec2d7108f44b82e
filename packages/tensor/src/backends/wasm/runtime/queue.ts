/**
 * Calls of kernels in shared memory, which any thread may take: no message is sent for them. The calling thread adds
 * calls and raises an epoch on which the others wait; each thread takes the next call until none is left. Calls that
 * were added together do not depend on one another. The same code runs on the calling thread and in workers.
 */

/** A kernel, as the compiled ones are exported. */
export type Kernel = (...values: number[]) => void;

/** Calls that are in the queue at the most: a power of two. */
export const queueLength = 256;
/** Numbers of a call: the kernel, what each further thread adds to the last argument, how many arguments, and these. */
const callNumbers = 32;
const headNumbers = 3;
/** Arguments that a kernel may have. */
export const maxArguments = callNumbers - headNumbers;
/** The words that threads exchange lie in cache lines of their own. */
const lineWords = 16;
const [epoch, added, taken, finished, failed, stopped] = [0, 1, 2, 3, 4, 5].map((line) => line * lineWords);
const controlBytes = 6 * lineWords * Int32Array.BYTES_PER_ELEMENT;

/** Bytes of memory that a queue needs. */
export const queueBytes = controlBytes + queueLength * callNumbers * Float64Array.BYTES_PER_ELEMENT;

/** How long a thread that has nothing to do spinsPerClock for work, before it sleeps. Milliseconds. */
const spinTime = 0.1;
/** Looks between two at the clock. */
const spinsPerClock = 32;
/** The waits that a timeout is divided into. */
const waitsPerTimeout = 20;

/** One thread's view of the queue. All of its counters count up, and around at 2³². */
export class CallQueue {
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #kernels: readonly Kernel[];
  readonly #thread: number;

  /** `thread` is 0 for the one that adds calls. `kernels` are in the same order on every thread. */
  constructor({ buffer }: WebAssembly.Memory, address: number, kernels: readonly Kernel[], thread: number) {
    this.#words = new Int32Array(buffer, address, controlBytes / Int32Array.BYTES_PER_ELEMENT);
    this.#numbers = new Float64Array(buffer, address + controlBytes, queueLength * callNumbers);
    this.#kernels = kernels;
    this.#thread = thread;
  }

  /** Writes the call that will be number `index` of those that `start` adds. All earlier ones have finished. */
  write(index: number, kernel: number, values: readonly (number | boolean)[], threadStep: number): void {
    const at = this.#numbersOf(this.#words[added] + index);
    this.#numbers[at] = kernel;
    this.#numbers[at + 1] = threadStep;
    this.#numbers[at + 2] = values.length;
    for (let i = 0; i < values.length; i++) this.#numbers[at + headNumbers + i] = Number(values[i]);
  }

  /** Adds the calls that were written, and wakes threads that sleep. */
  start(count: number): void {
    Atomics.add(this.#words, added, count);
    this.#wake(count - 1);
  }

  /** Makes calls until none is left to take. */
  makeCalls(): void {
    for (let call = this.#take(); call !== undefined; call = this.#take()) {
      try {
        this.#make(this.#numbersOf(call));
      } catch {
        Atomics.store(this.#words, failed, 1);
      }
      const count = Atomics.add(this.#words, finished, 1) + 1;
      if (((Atomics.load(this.#words, added) - count) | 0) === 0) Atomics.notify(this.#words, finished);
    }
  }

  /** Makes calls whenever there are some, until `stop`. */
  serve(): void {
    const words = this.#words;
    for (;;) {
      const seen = Atomics.load(words, epoch);
      if (Atomics.load(words, stopped) !== 0) return;
      this.makeCalls();
      if (!spinUntil(() => Atomics.load(words, epoch) !== seen)) Atomics.wait(words, epoch, seen);
    }
  }

  /**
   * Waits until all calls have finished. False where for `timeout` milliseconds none of them did: then the threads that
   * took them are lost. Time in which this process stands still does not count.
   */
  waitForOthers(timeout: number): boolean {
    const words = this.#words;
    const pending = (): number => (Atomics.load(words, added) - Atomics.load(words, finished)) | 0;
    if (spinUntil(() => pending() === 0)) return true;
    for (let idleWaits = 0; idleWaits < waitsPerTimeout; idleWaits++) {
      const seen = Atomics.load(words, finished);
      if (pending() === 0) return true;
      Atomics.wait(words, finished, seen, timeout / waitsPerTimeout);
      if (Atomics.load(words, finished) !== seen) idleWaits = -1;
    }
    return false;
  }

  /** Whether a kernel failed since the last time. */
  takeFailure(): boolean {
    return Atomics.exchange(this.#words, failed, 0) !== 0;
  }

  /** Ends `serve` on the other threads. */
  stop(): void {
    Atomics.store(this.#words, stopped, 1);
    this.#wake(Infinity);
  }

  #wake(threads: number): void {
    Atomics.add(this.#words, epoch, 1);
    Atomics.notify(this.#words, epoch, threads);
  }

  /** The number of a call which from now on is this thread's. */
  #take(): number | undefined {
    for (;;) {
      const call = Atomics.load(this.#words, taken);
      if (((Atomics.load(this.#words, added) - call) | 0) <= 0) return undefined;
      if (Atomics.compareExchange(this.#words, taken, call, (call + 1) | 0) === call) return call;
    }
  }

  #make(at: number): void {
    const kernel = this.#kernels[this.#numbers[at]];
    const first = at + headNumbers;
    const last = first + this.#numbers[at + 2] - 1;
    const values: number[] = [];
    for (let i = first; i < last; i++) values.push(this.#numbers[i]);
    kernel(...values, this.#numbers[last] + this.#thread * this.#numbers[at + 1]);
  }

  #numbersOf(call: number): number {
    return (call & (queueLength - 1)) * callNumbers;
  }
}

/** Looks for a short time whether something has come true, and returns whether it has. */
function spinUntil(hasCome: () => boolean): boolean {
  const end = performance.now() + spinTime;
  do {
    for (let look = 0; look < spinsPerClock; look++) {
      if (hasCome()) return true;
      // Leaves the core to its other thread, in engines that can say so.
      (Atomics as { pause?: () => void }).pause?.();
    }
  } while (performance.now() < end);
  return false;
}
