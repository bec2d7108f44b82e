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

/** What a run has learnt that is nowhere else. */
export interface UnkeptModel extends OpenModel {
  readonly run: string;
}

/** What the areas of the engine share. */
export class Session {
  readonly vocabularies = new Vocabularies();
  started: Started | undefined;
  /** What tunes a copy of the model; it lives on the backend. */
  tuner: Tuner | undefined;
  /** The model of the run that ended last, where the browser does not keep it as it was then; it lives on the backend. */
  unkept: UnkeptModel | undefined;
  #model: GPT | undefined;
  #weightBytes = 0;
  readonly #jobs = new Map<number, Job>();

  /** What works with the open model, and what ends that. */
  readonly #users = new Set<Promise<unknown>>();
  #closing = new AbortController();

  /** Works with the open model, which stays until that ends. The signal asks for an end, for the model is to be closed. */
  async withModel<T>(work: (open: OpenModel, closing: AbortSignal) => T | Promise<T>): Promise<T> {
    const model = this.#model;
    if (!model) throw new EngineError({ code: "not-open", message: "no model is open" });
    const { signal } = this.#closing;
    const user = this.vocabularies.get("model").then((tokenizer) => work({ model, tokenizer }, signal));
    this.#users.add(user);
    try {
      return await user;
    } finally {
      this.#users.delete(user);
    }
  }

  get hasModel(): boolean {
    return this.#model !== undefined;
  }

  /** Bytes of the open model's weights in memory. */
  get weightBytes(): number {
    return this.#weightBytes;
  }

  /** Closes the model, once all that works with it has ended. */
  async closeModel(): Promise<void> {
    const model = this.#model;
    this.#model = undefined;
    this.#weightBytes = 0;
    this.#closing.abort();
    this.#closing = new AbortController();
    await Promise.allSettled(this.#users);
    model?.dispose();
  }

  /** Puts a model in the place of the open one. */
  async replaceModel(model: GPT, tokenizer: Tokenizer, weightBytes: number): Promise<void> {
    // Another may have been opened while one was being closed.
    do await this.closeModel(); while (this.hasModel);
    this.#model = model;
    this.#weightBytes = weightBytes;
    this.vocabularies.set("model", tokenizer);
  }

  /** Frees what the browser does not keep. */
  dropUnkept(): void {
    this.unkept?.model.dispose();
    this.unkept = undefined;
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
