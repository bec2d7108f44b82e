import { EventLoopYielder } from "@gpt/common";
import { KeyValueCache } from "@gpt/gpt";
import type { CacheOptions, GPT } from "@gpt/gpt";
import {
  cacheDTypes, checkArgument, keep, noGrad, object, oneOf, pageRows, readOptions, scope, tensor, wholeNumber,
} from "@gpt/tensor";
import type { Expectations } from "@gpt/tensor";
import { Continuation } from "./continuation.ts";
import { GenerationError } from "./errors.ts";
import type { ErrorEvent, FinishEvent, TokenEvent } from "./events.ts";
import { invalidOption } from "./options.ts";
import { checkLanguageModel } from "./prompt.ts";
import { readRequest } from "./request.ts";
import type { ResolvedRequest } from "./request.ts";
import { chooseTokens, readChoices } from "./sampling.ts";
import type { DeviceChoices, Outcome } from "./sampling.ts";
import { planStep } from "./schedule.ts";
import type { Reading } from "./schedule.ts";
import { SuppressionMasks } from "./suppression.ts";
import type { TokenOptions } from "./tokens.ts";

/** What is to be continued, and how: as for `streamTokens`. */
export interface GenerationRequest extends Omit<TokenOptions, "cacheDtype"> {
  /** The token ids that are continued. */
  readonly prompt: readonly number[];
}

/** How much an engine does at once. */
export interface EngineOptions {
  /** Sequences that are continued together. Default 16. */
  readonly maxSequences?: number;
  /**
   * Tokens that the cache holds, of all sequences together, in pages of 48. A request begins when there is room for its prompt
   * and all the tokens that it may get. Default: four contexts of the model, of 8,192 tokens at most.
   */
  readonly cacheTokens?: number;
  /**
   * Tokens that the model reads in a step at most: one of each sequence that is continued, the others of prompts. More let
   * prompts be read faster, fewer let the other sequences go on sooner. From `maxSequences`. Default 512.
   */
  readonly stepTokens?: number;
  /** Requests that wait for room at most. Default 1024. */
  readonly maxWaiting?: number;
  /** How keys and values are stored: see `KeyValueCache`. Default `f32`. */
  readonly cacheDtype?: CacheOptions["dtype"];
}

/** What came of a request in a step. */
export interface StepResult {
  /** The number that `add` gave it. */
  readonly request: number;
  /** A token; or the end, by `finish` or by `error`, behind which nothing comes. */
  readonly event: TokenEvent | FinishEvent | ErrorEvent;
}

const optionsExpected: Expectations<EngineOptions> = {
  maxSequences: wholeNumber(1),
  cacheTokens: wholeNumber(1),
  stepTokens: wholeNumber(1),
  maxWaiting: wholeNumber(1),
  cacheDtype: oneOf(cacheDTypes),
};

/**
 * Continues many sequences together, each as `streamTokens` would alone. Requests come and go at any time. In each step the
 * model reads the last token of each sequence that is written, and some of the prompts of new ones.
 *
 * @example
 * const engine = new Engine(model, { maxSequences: 8 });
 * engine.add({ prompt: [15496, 11], maxTokens: 20, seed: 1 });
 * engine.add({ prompt: [464], temperature: 0 });
 * while (engine.pending > 0) {
 *   for (const { request, event } of await engine.step()) console.log(request, event);
 * }
 * engine.dispose();
 */
export class Engine {
  readonly #model: GPT;
  readonly #masks: SuppressionMasks;
  readonly #maxSequences: number;
  readonly #stepTokens: number;
  readonly #maxWaiting: number;
  readonly #yielder = new EventLoopYielder();
  /** Both in the order in which they came. */
  readonly #waiting = new Map<number, Continuation>();
  readonly #running = new Map<number, Continuation>();
  /** What is to be told; it stays where a step fails. */
  #results: StepResult[] = [];
  readonly #cache: KeyValueCache;
  readonly #pages: number;
  #added = 0;
  #isStepping = false;
  #isDisposed = false;

  /** Throws `invalid-option`, and `too-large` for a cache that the backend can never hold. */
  constructor(model: GPT, options?: EngineOptions) {
    checkLanguageModel(model);
    const given = readOptions<EngineOptions>(options, optionsExpected, invalidOption);
    const { contextLength, vocabSize } = model.config;
    const { maxSequences = 16, stepTokens = Math.max(512, maxSequences), maxWaiting = 1024, cacheDtype } = given;
    const { cacheTokens = 4 * Math.min(contextLength, 8192) } = given;
    if (stepTokens < maxSequences) {
      throw invalidOption(`stepTokens is ${stepTokens}, fewer than the ${maxSequences} sequences (maxSequences) that each need one`);
    }
    this.#model = model;
    this.#maxSequences = maxSequences;
    this.#stepTokens = stepTokens;
    this.#maxWaiting = maxWaiting;
    this.#cache = new KeyValueCache(model.config, { tokens: cacheTokens, dtype: cacheDtype, backend: model.backend });
    this.#pages = pagesOf(cacheTokens);
    this.#masks = new SuppressionMasks(vocabSize, model.backend);
  }

  /** How many requests have not ended: those that wait, and those in the batch. */
  get pending(): number {
    return this.#waiting.size + this.#running.size;
  }

  /**
   * Takes a request, and returns its number. It begins in one of the next steps, when those before it have, and there is room.
   * Throws as `streamTokens`; `too-large` for one that the cache never has room for, `queue-full`, and `disposed`.
   */
  add(request: GenerationRequest): number {
    checkArgument("the request", request, object, invalidOption);
    const { prompt, ...options } = request;
    return this.enqueue(readRequest(this.#model, prompt, options));
  }

  /** @internal Takes a request that was checked. */
  enqueue(request: ResolvedRequest): number {
    this.#checkAlive();
    if (this.#waiting.size >= this.#maxWaiting) {
      throw new GenerationError(
        "queue-full", `${this.#waiting.size} requests wait already (maxWaiting); call step() until some have begun`,
      );
    }
    const sequence = new Continuation(this.#added, request, this.#model.config.contextLength);
    if (pagesOf(sequence.room) > this.#pages) {
      throw new GenerationError(
        "too-large",
        `the request may need ${sequence.room} tokens of the cache, which holds ${this.#pages * pageRows}; ` +
          "give a shorter prompt or fewer maxTokens, or an engine with more cacheTokens",
      );
    }
    this.#waiting.set(this.#added, sequence);
    return this.#added++;
  }

  /** Forgets a request; nothing more comes of it. One that has ended, or never was, is passed over. */
  remove(request: number): void {
    const sequence = this.#waiting.get(request) ?? this.#running.get(request);
    if (sequence) this.#release(sequence);
    this.#results = this.#results.filter((result) => result.request !== request);
  }

  /**
   * Lets the model read once: gives each sequence that is written its next token, reads on in prompts, and lets requests begin
   * for which there is room. Results are in the order of the requests; there are none where prompts alone were read, or where
   * nothing is pending. What goes wrong with one request is its `error` event. Where the step as a whole fails, it throws, and
   * nothing has changed: the next one tries again. Throws `busy` while a step runs, and `disposed`.
   */
  async step(): Promise<StepResult[]> {
    this.#checkAlive();
    if (this.#isStepping) throw new GenerationError("busy", "a step is running; await it before the next one");
    this.#isStepping = true;
    try {
      this.#endOrBegin();
      const readings = planStep([...this.#running.values()], this.#stepTokens);
      if (readings.length > 0) await this.#advance(readings);
      await this.#yielder.pause();
      const results = this.#results.sort((a, b) => a.request - b.request);
      this.#results = [];
      return results;
    } finally {
      this.#isStepping = false;
    }
  }

  /** Frees the cache, and forgets all requests. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#waiting.clear();
    for (const sequence of this.#running.values()) this.#release(sequence);
    this.#results = [];
    this.#cache.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #checkAlive(): void {
    if (this.#isDisposed) throw new GenerationError("disposed", "the engine was disposed of; make another one");
  }

  /** Ends what was aborted, or wants no tokens, and takes into the batch what there is room for. */
  #endOrBegin(): void {
    for (const sequence of [...this.#running.values(), ...this.#waiting.values()]) {
      const reason = sequence.ended;
      if (reason) this.#end(sequence, sequence.finish(reason));
      else if (sequence.cacheId !== undefined && sequence.shift()) this.#cache.truncate(sequence.cacheId, 0);
    }
    for (const sequence of this.#waiting.values()) {
      const isRoom = this.#running.size < this.#maxSequences && pagesOf(sequence.room) <= this.#freePages;
      // Those behind it wait, too, though there may be room for them: else one that needs much might never begin.
      if (!isRoom) break;
      this.#waiting.delete(sequence.id);
      this.#running.set(sequence.id, sequence);
      try {
        sequence.allowed = this.#masks.take(sequence.request.suppressTokens);
        sequence.cacheId = this.#cache.open();
      } catch (error) {
        this.#end(sequence, { type: "error", error });
      }
    }
  }

  /** Pages of the cache beside those that the sequences of the batch may need. */
  get #freePages(): number {
    return [...this.#running.values()].reduce((free, { room }) => free - pagesOf(room), this.#pages);
  }

  async #advance(readings: readonly Reading<Continuation>[]): Promise<void> {
    const choosing = readings.filter(isLast).map(({ sequence }) => sequence);
    const isThere = ({ id }: Continuation): boolean => this.#running.has(id); // It may be removed while the step runs.
    let outcomes: readonly Outcome[];
    try {
      outcomes = await readChoices(this.#compute(readings, choosing), choosing);
    } catch (error) {
      for (const { sequence } of readings) if (isThere(sequence)) this.#cache.truncate(sequence.cacheId!, sequence.cached);
      throw error;
    }
    for (const { sequence, count } of readings) sequence.advance(count);
    for (const [i, sequence] of choosing.entries()) if (isThere(sequence)) this.#take(sequence, outcomes[i]);
  }

  /** Lets the model read, and chooses the next tokens of the sequences that it has read to their end. */
  #compute(readings: readonly Reading<Continuation>[], choosing: readonly Continuation[]): DeviceChoices | undefined {
    const model = this.#model;
    const ids = readings.flatMap(({ sequence, count }) => sequence.next(count));
    const outputs: number[] = [];
    let end = 0;
    for (const reading of readings) {
      end += reading.count;
      if (isLast(reading)) outputs.push(end - 1);
    }
    return noGrad(() =>
      scope(() => {
        const input = {
          ids: tensor(Int32Array.from(ids), { backend: model.backend }),
          sequences: readings.map(({ sequence, count }) => ({ id: sequence.cacheId, count })),
          cache: this.#cache,
          outputs: Int32Array.from(outputs),
        };
        const hidden = model.evaluating(() => model.hidden(input)); // (choosing, C)
        if (choosing.length === 0) return undefined;
        const { report, failures } = chooseTokens(model.evaluating(() => model.logits(hidden)), choosing);
        return { report: keep(report), failures };
      }),
    );
  }

  #take(sequence: Continuation, outcome: Outcome): void {
    if ("error" in outcome) {
      this.#end(sequence, { type: "error", error: outcome.error });
      return;
    }
    const { token } = outcome;
    if (!sequence.push(token.id)) {
      this.#end(sequence, sequence.finish("stop"));
      return;
    }
    this.#results.push({ request: sequence.id, event: { type: "token", ...token } });
    const reason = sequence.ended;
    if (reason) this.#end(sequence, sequence.finish(reason));
  }

  #end(sequence: Continuation, event: FinishEvent | ErrorEvent): void {
    this.#release(sequence);
    this.#results.push({ request: sequence.id, event });
  }

  #release(sequence: Continuation): void {
    this.#waiting.delete(sequence.id);
    if (!this.#running.delete(sequence.id)) return;
    if (sequence.cacheId !== undefined) this.#cache.release(sequence.cacheId);
    this.#masks.giveBack(sequence.request.suppressTokens);
  }
}

/** How many pages of the cache tokens take. */
function pagesOf(tokens: number): number {
  return Math.ceil(tokens / pageRows);
}

/** Whether a step reads the last of a sequence's tokens. */
function isLast({ sequence, count }: Reading<Continuation>): boolean {
  return count === sequence.unread;
}
