import { releaseProxy } from "comlink";
import type { ProxyMethods } from "comlink";
import type { GPT } from "@gpt/gpt";
import type { Tokenizer } from "@gpt/tokenizer";
import type { Reply } from "./api/reply.ts";
import type { Started } from "./backends.ts";
import { EngineError, reply } from "./failure.ts";
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
  readonly #jobs = new Map<number, AbortController>();

  async openModel(): Promise<OpenModel> {
    if (!this.model) throw new EngineError({ code: "not-open", message: "no model is open" });
    return { model: this.model, tokenizer: await this.vocabularies.get("model") };
  }

  /** Long work, which tells the page by `listener`, until `stop` of the same number. */
  job<T>(number: number, listener: (...told: never[]) => unknown, work: (signal: AbortSignal) => Promise<T>): Promise<Reply<T>> {
    return reply(async () => {
      const controller = new AbortController();
      this.#jobs.set(number, controller);
      try {
        return await work(controller.signal);
      } finally {
        this.#jobs.delete(number);
        (listener as unknown as ProxyMethods)[releaseProxy]();
      }
    });
  }

  stop(number: number): void {
    this.#jobs.get(number)?.abort();
  }
}
