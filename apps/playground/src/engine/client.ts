import { proxy, wrap } from "comlink";
import type { Remote } from "comlink";
import type { EngineApi } from "./api.ts";
import type { Reply } from "./api/reply.ts";
import { EngineError, valueOf } from "./failure.ts";

/** What a method of the engine gives once its failures are thrown. */
type Value<Method extends keyof EngineApi> = Awaited<ReturnType<EngineApi[Method]>> extends Reply<infer T> ? T : never;

/** The page's side of the Worker. A Worker that dies fails what waits for it, which no message would. */
export class EngineClient {
  readonly #worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  readonly #remote: Remote<EngineApi> = wrap(this.#worker);
  /** Reject the calls that wait. */
  readonly #waiting = new Set<(error: EngineError) => void>();
  /** Why nothing is answered any more. */
  #dead: EngineError | undefined;
  readonly #onDeath: (error: EngineError) => void;

  constructor(onDeath: (error: EngineError) => void) {
    this.#onDeath = onDeath;
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault(); // It is shown.
      const error = new EngineError({ code: "engine-died", message: event.message || "the Worker ended" });
      onDeath(error);
      this.#fail(error);
    });
  }

  /** Asks the engine, which may call functions that are among the arguments. Rejects with `EngineError`. */
  async ask<Method extends keyof EngineApi>(method: Method, ...args: Parameters<EngineApi[Method]>): Promise<Value<Method>> {
    if (this.#dead) throw this.#dead;
    const call = this.#remote[method] as unknown as (...args: unknown[]) => Promise<Reply<Value<Method>>>;
    const answer = await this.#unlessDead(call(...args.map((arg) => (typeof arg === "function" ? proxy(arg) : arg))));
    // A GPU that is lost takes all that was on it along.
    if ("failure" in answer && answer.failure.code === "backend-failure") this.#onDeath(new EngineError(answer.failure));
    return valueOf(answer);
  }

  /** Ends the Worker, and fails what waits for it. */
  end(): void {
    this.#worker.terminate();
    this.#fail(new EngineError({ code: "engine-died", message: "the Worker was ended" }));
  }

  /** What a call gives. A race with one promise of the Worker's death would keep all answers for as long as the Worker lives. */
  #unlessDead<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      void call.then(resolve, reject).then(() => this.#waiting.delete(reject));
    });
  }

  #fail(error: EngineError): void {
    this.#dead ??= error;
    for (const reject of this.#waiting) reject(this.#dead);
    this.#waiting.clear();
  }
}
