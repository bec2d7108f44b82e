import type { Reply } from "./reply.ts";
import type { TokenPart } from "./tokens.ts";

/** How tokens are drawn: the options of @gpt/generate, all of them given. */
export interface Sampling {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
}

export interface WriteOptions {
  readonly sampling: Sampling;
  readonly maxTokens: number;
  /** Drawn where none is given. */
  readonly seed?: number;
  /** Those that end the text, beside the model's. */
  readonly stopTokens?: readonly number[];
}

export interface ChatMessage {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** What the model continues to answer a chat. */
export interface ReadChat {
  readonly tokens: readonly TokenPart[];
  /** Those that end the answer. */
  readonly stopTokens: readonly number[];
}

/** A token that the model wrote. */
export interface WrittenToken extends TokenPart {
  /** As the model had it, before the sampling options. */
  readonly probability: number;
}

export interface WritingEnd {
  readonly reason: "stop" | "length" | "aborted";
  /** Writes the same again. */
  readonly seed: number;
}

/** A token that may come next. */
export interface Candidate extends TokenPart {
  /** How likely it is as the model has it, and as tokens are drawn. */
  readonly model: number;
  readonly drawn: number;
}

/** What may come next. */
export interface Outlook {
  /** The likeliest, and the one that was asked for besides. */
  readonly candidates: readonly Candidate[];
  /** How many tokens can be drawn at all, and how many there are. */
  readonly drawable: number;
  readonly vocabSize: number;
}

export interface WritingArea {
  /** The tokens of a text as the open model reads it: what it continues. */
  readPrompt(text: string): Promise<Reply<readonly TokenPart[]>>;
  /** The tokens of a chat, by the template of the open model's tokenizer. */
  readChat(messages: readonly ChatMessage[]): Promise<Reply<ReadChat>>;
  /** Continues tokens, some at a time, until `stop` of the same job. */
  write(job: number, ids: readonly number[], options: WriteOptions, onTokens: (tokens: readonly WrittenToken[]) => void | Promise<void>): Promise<Reply<WritingEnd>>;
  /** What may come behind tokens; `besides` is a token that is to be among it. */
  outlook(ids: readonly number[], sampling: Sampling, besides?: number): Promise<Reply<Outlook>>;
}
