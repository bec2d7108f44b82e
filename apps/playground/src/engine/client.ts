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
  /** Rejects when the Worker has died, or is ended. */
  readonly #died: Promise<never>;
  #fail!: (error: EngineError) => void;
  readonly #onDeath: (error: EngineError) => void;

  constructor(onDeath: (error: EngineError) => void) {
    this.#died = new Promise((_, reject) => (this.#fail = reject));
    this.#onDeath = onDeath;
    this.#worker.addEventListener("error", (event) => {
      event.preventDefault(); // It is shown.
      const error = new EngineError({ code: "engine-died", message: event.message || "the Worker ended" });
      onDeath(error);
      this.#fail(error);
    });
    this.#died.catch(() => undefined); // Every pending call is rejected with the same error.
  }

  /** Asks the engine, which may call functions that are among the arguments. Rejects with `EngineError`. */
  async ask<Method extends keyof EngineApi>(method: Method, ...args: Parameters<EngineApi[Method]>): Promise<Value<Method>> {
    const call = this.#remote[method] as unknown as (...args: unknown[]) => Promise<Reply<Value<Method>>>;
    const answer = await Promise.race([call(...args.map((arg) => (typeof arg === "function" ? proxy(arg) : arg))), this.#died]);
    // A GPU that is lost takes all that was on it along.
    if ("failure" in answer && answer.failure.code === "backend-failure") this.#onDeath(new EngineError(answer.failure));
    return valueOf(answer);
  }

  /** Ends the Worker, and fails what waits for it. */
  end(): void {
    this.#worker.terminate();
    this.#fail(new EngineError({ code: "engine-died", message: "the Worker was ended" }));
  }
}
