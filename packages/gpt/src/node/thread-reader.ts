import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { PackedParts } from "@gpt/tensor";
import { GPTError } from "../errors.ts";
import type { Slot } from "../slots.ts";
import type { BlockReader } from "../streamed-blocks.ts";
import { bytesOf, controlBytes, controlWords, partsOf, slotsOfBlocks } from "./block-memory.ts";
import type { ReadingAnswer, ReadingTask } from "./block-memory.ts";

/** Milliseconds without a piece that was read, after which a block is given up. */
const patience = 60_000;

/**
 * Reads blocks by a thread of its own, the next one while this thread computes. `forward` is synchronous: this thread sleeps
 * until a block is there.
 */
export class ThreadReader implements BlockReader {
  readonly name: string;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #words: Int32Array;
  readonly #parts: readonly (readonly PackedParts[])[];
  /** The layer that was asked for last, until its answer was taken. */
  #asked: number | undefined;
  /** The layer whose weights lie in the shared memory. */
  #held: number | undefined;
  #isClosed = false;

  constructor(task: Pick<ReadingTask, "path" | "config" | "dtypes">, slots: readonly Slot[]) {
    const blocks = slotsOfBlocks(slots, task.config.blocks.length);
    const memory = new SharedArrayBuffer(Math.max(...blocks.map(bytesOf)));
    const control = new SharedArrayBuffer(controlBytes);
    const { port1, port2 } = new MessageChannel();
    const workerData: ReadingTask = { ...task, memory, control, port: port2 };
    this.name = task.path;
    this.#words = new Int32Array(control);
    this.#parts = blocks.map((slots) => partsOf(slots, memory));
    this.#port = port1;
    this.#worker = startWorker(workerData);
    this.#ask(0);
  }

  read(layer: number): readonly PackedParts[] {
    if (this.#isClosed) throw new GPTError("read-failed", `${this.name}: layer ${layer} is asked for after the model was disposed of`);
    if (this.#held !== layer) {
      // What was read for another layer is overwritten only once it is there.
      if (this.#asked !== layer) {
        if (this.#asked !== undefined) this.#answer();
        this.#ask(layer);
      }
      const { problem } = this.#answer();
      if (problem) throw new GPTError(problem.code, problem.message);
      this.#held = layer;
    }
    return this.#parts[layer];
  }

  done(): void {
    const next = ((this.#held ?? 0) + 1) % this.#parts.length;
    this.#held = undefined;
    this.#ask(next);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#port.close();
    void this.#worker.terminate();
  }

  #ask(layer: number): void {
    this.#asked = layer;
    this.#port.postMessage(layer);
  }

  /** Waits for what was asked for last. */
  #answer(): ReadingAnswer {
    const { answers, progress } = controlWords;
    for (;;) {
      const [answered, pieces] = [Atomics.load(this.#words, answers), Atomics.load(this.#words, progress)];
      const answer: { message: ReadingAnswer } | undefined = receiveMessageOnPort(this.#port);
      if (answer) {
        this.#asked = undefined;
        return answer.message;
      }
      const waited = Atomics.wait(this.#words, answers, answered, patience);
      if (waited === "timed-out" && Atomics.load(this.#words, progress) === pieces) {
        this.close();
        const problem = `layer ${this.#asked} was not read within ${patience / 1000} s; check the disk, and load the model again`;
        throw new GPTError("read-failed", `${this.name}: ${problem}`);
      }
    }
  }
}

/** The worker's script lies beside this one, as source or as it was built. */
function startWorker(workerData: ReadingTask): Worker {
  const isSource = import.meta.url.endsWith(".ts");
  const script = new URL(isSource ? "./read-blocks.ts" : "./read-blocks.js", import.meta.url);
  const worker = new Worker(script, {
    workerData, transferList: [workerData.port], name: "@gpt/gpt", execArgv: isSource ? ["--conditions=@gpt/source"] : [],
  });
  worker.on("error", () => undefined); // The thread that waits for it gives it up.
  worker.unref();
  return worker;
}
