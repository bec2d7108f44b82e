import { releaseProxy } from "comlink";
import type { ProxyMethods } from "comlink";
import type { GPT } from "@gpt/gpt";
import type { Backend } from "@gpt/tensor";
import type { Tokenizer } from "@gpt/tokenizer";
import type { Reply } from "./api/reply.ts";
import type { Started } from "./backends.ts";
import { EngineError, reply } from "./failure.ts";
import type { Tuner } from "./tuning/tuner.ts";
import { Vocabularies } from "./vocabularies.ts";

/** A model with its tokenizer. */
export interface OpenModel {
  readonly model: GPT;
  readonly tokenizer: Tokenizer;
}

/** What the areas of the engine share. */
export class Session {
  readonly vocabularies = new Vocabularies();
  started: Started | undefined;
  model: GPT | undefined;
  /** What tunes a copy of the model; it lives on the backend. */
  tuner: Tuner | undefined;
  readonly #jobs = new Map<number, Job>();

  async openModel(): Promise<OpenModel> {
    if (!this.model) throw new EngineError({ code: "not-open", message: "no model is open" });
    return { model: this.model, tokenizer: await this.vocabularies.get("model") };
  }

  /** What computes. */
  backend(): Backend {
    if (!this.started) throw new EngineError({ code: "not-open", message: "nothing computes yet" });
    return this.started.backend;
  }

  /** Stops all long work, and waits until it has ended. */
  async endJobs(): Promise<void> {
    for (const job of this.#jobs.keys()) this.stop(job);
    await Promise.all([...this.#jobs.values()].map(({ ended }) => ended));
  }

  /** Long work, which tells the page by `listener`, until `stop` of the same number. */
  job<T>(number: number, listener: (...told: never[]) => unknown, work: (signal: AbortSignal) => Promise<T>): Promise<Reply<T>> {
    const controller = new AbortController();
    const ended = reply(async () => {
      try {
        return await work(controller.signal);
      } finally {
        this.#jobs.delete(number);
        (listener as unknown as ProxyMethods)[releaseProxy]();
      }
    });
    this.#jobs.set(number, { controller, ended });
    return ended;
  }

  stop(number: number): void {
    this.#jobs.get(number)?.controller.abort();
  }
}

interface Job {
  readonly controller: AbortController;
  readonly ended: Promise<unknown>;
}
