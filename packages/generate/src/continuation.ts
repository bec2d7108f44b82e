import type { Tensor } from "@gpt/tensor";
import type { FinishEvent, FinishReason } from "./events.ts";
import type { ScoreProcessor } from "./processors.ts";
import { roomOf } from "./request.ts";
import type { ResolvedRequest } from "./request.ts";
import { uniformAt } from "./sampling.ts";
import type { Row, SamplingOptions } from "./sampling.ts";

/** A request on its way: which tokens there are, which of them the cache holds, and when it ends. */
export class Continuation implements Row {
  readonly id: number;
  readonly request: ResolvedRequest;
  readonly tokens: number[];
  /** Its number in the cache, while it is in the batch. */
  cacheId: number | undefined;
  allowed: Tensor | undefined;
  readonly #contextLength: number;
  readonly #stops: ReadonlySet<number>;
  /** The cache holds the tokens from the one on to the other. */
  #start: number;
  #end: number;

  constructor(id: number, request: ResolvedRequest, contextLength: number) {
    this.id = id;
    this.request = request;
    this.tokens = [...request.prompt];
    this.#contextLength = contextLength;
    this.#stops = new Set(request.stopTokens);
    this.#start = Math.max(0, this.tokens.length - contextLength);
    this.#end = this.#start;
  }

  get promptTokens(): number {
    return this.request.prompt.length;
  }

  get sampling(): Required<SamplingOptions> {
    return this.request.sampling;
  }

  get processors(): readonly ScoreProcessor[] {
    return this.request.processors;
  }

  get random(): number {
    return uniformAt(this.request.seed, this.#count);
  }

  /** How many tokens were chosen. */
  get #count(): number {
    return this.tokens.length - this.promptTokens;
  }

  /** How many tokens the cache holds. */
  get cached(): number {
    return this.#end - this.#start;
  }

  /** How many tokens the model has to read until it can choose the next one. */
  get unread(): number {
    return this.tokens.length - this.#end;
  }

  /** The most tokens that the cache will hold. */
  get room(): number {
    return roomOf(this.request, this.#contextLength);
  }

  /** Why it ends before a further token is chosen, if it does. */
  get ended(): FinishReason | undefined {
    const { maxTokens, contextShift, signal } = this.request;
    if (this.#count >= maxTokens) return "length";
    if (signal?.aborted) return "aborted";
    return this.#isFull && !contextShift ? "length" : undefined;
  }

  get #isFull(): boolean {
    return this.cached === this.#contextLength;
  }

  /** Forgets the older half of a full context; returns whether it did: then the cache is to be empty. */
  shift(): boolean {
    if (!this.#isFull) return false;
    this.#start = this.tokens.length - Math.ceil(this.#contextLength / 2);
    this.#end = this.#start;
    return true;
  }

  /** The next tokens that the model reads. */
  next(count: number): readonly number[] {
    return this.tokens.slice(this.#end, this.#end + count);
  }

  /** The model has read them. */
  advance(count: number): void {
    this.#end += count;
  }

  /** Takes a token that was chosen, unless it is one that ends the sequence. */
  push(id: number): boolean {
    if (this.#stops.has(id)) return false;
    this.tokens.push(id);
    return true;
  }

  finish(finishReason: FinishReason): FinishEvent {
    const { promptTokens, request: { seed } } = this;
    return { type: "finish", finishReason, tokens: this.tokens.slice(promptTokens), promptTokens, seed };
  }
}
