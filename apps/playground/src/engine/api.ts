/** What the page asks its Worker, and what it is told: all of it can be cloned. */

/** What can go wrong, as plain data. */
export interface Failure {
  /** One of the packages' error codes, or `unexpected`. */
  readonly code: string;
  readonly message: string;
}

/** What every call gives. Errors lose their codes on the way between threads, so that failures are values. */
export type Reply<T> = { readonly value: T } | { readonly failure: Failure };

export type BackendChoice = "auto" | "webgpu" | "threads" | "single";

/** Why a backend is not to be had, or not taken. */
export type Obstacle = "no-webgpu" | "no-adapter" | "software-adapter" | "not-isolated" | "no-threads" | "one-core" | "failed";

/** What this place has. */
export interface Places {
  readonly webgpu: { readonly adapter: string; readonly isSoftware: boolean } | { readonly obstacle: Obstacle };
  readonly threads: { readonly count: number } | { readonly obstacle: Obstacle };
}

export interface BackendReport {
  readonly kind: "webgpu" | "wasm";
  readonly threads: number;
  /** The GPU, for people. */
  readonly adapter?: string;
  /** Why what would be faster was not taken. */
  readonly obstacles: readonly Obstacle[];
  /** What an obstacle `failed` says. */
  readonly detail?: string;
}

export interface ModelReport {
  readonly parameters: number;
  readonly layers: number;
  readonly dim: number;
  readonly heads: number;
  readonly contextLength: number;
  readonly vocabSize: number;
}

/** Vocabularies that come with the tokenizer, that of the open model, and that of a file which a user chose. */
export type VocabularyId = "gpt2" | "cl100k_base" | "o200k_base" | "model" | "own";

export interface Tokenization {
  readonly ids: Int32Array;
  /** The bytes of all tokens, one behind the other. */
  readonly bytes: Uint8Array;
  /** Where those of each token end. */
  readonly ends: Int32Array;
  /** 1 for special tokens. */
  readonly special: Uint8Array;
  /** Tokens that the vocabulary has. */
  readonly vocabSize: number;
}

export interface TokenPart {
  readonly id: number;
  readonly bytes: Uint8Array;
}

/** How the tokens of a piece came about. */
export interface Explanation {
  readonly symbols: readonly TokenPart[];
  readonly merges: readonly (TokenPart & { readonly at: number; readonly rank: number })[];
  /** Symbols that the piece has; where they are too many to be shown, `symbols` and `merges` are empty. */
  readonly length: number;
}

export interface TokenizeOptions {
  /** Whether special tokens that are written out in the text are read as such. */
  readonly special: boolean;
}

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

export interface EngineApi {
  /** What the machine and the page allow. */
  places(): Promise<Reply<Places>>;
  /** Starts a backend, in the place of the one before, whose model is gone. */
  start(choice: BackendChoice): Promise<Reply<BackendReport>>;
  /** Opens the model of a folder's address. */
  openModel(address: string): Promise<Reply<ModelReport>>;
  /** Reads a model's vocabulary, which needs no backend. */
  openVocabulary(address: string): Promise<Reply<void>>;
  /** Reads the vocabulary of a user's file, which becomes `own`. */
  addVocabulary(file: File): Promise<Reply<void>>;
  tokenize(vocabulary: VocabularyId, text: string, options: TokenizeOptions): Promise<Reply<Tokenization>>;
  /** How the token of this index came about; nothing, where the vocabulary has no merges. */
  explain(vocabulary: VocabularyId, text: string, token: number, options: TokenizeOptions): Promise<Reply<Explanation | undefined>>;
  /** The tokens of a text as the open model reads it: what it continues. */
  readPrompt(text: string): Promise<Reply<readonly TokenPart[]>>;
  /** Continues tokens, some at a time, until `stopWriting` of the same job. */
  write(job: number, ids: readonly number[], options: WriteOptions, onTokens: (tokens: readonly WrittenToken[]) => void | Promise<void>): Promise<Reply<WritingEnd>>;
  stopWriting(job: number): Promise<Reply<void>>;
  /** What may come behind tokens; `besides` is a token that is to be among it. */
  outlook(ids: readonly number[], sampling: Sampling, besides?: number): Promise<Reply<Outlook>>;
}
