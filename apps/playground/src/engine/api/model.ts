import type { MadeFile } from "./made-file.ts";
import type { Reply } from "./reply.ts";

/**
 * Where a model is: the page's own, by the address of its file; a name on the Hugging Face hub; files that a user chose; a folder or GGUF
 * file on the page's own host. */
export type ModelSource =
  | { readonly kind: "shipped"; readonly address: string }
  /** `isKept`: nothing is downloaded, and nothing asked; what the browser keeps is all. `token`: of an account that may read it. */
  | { readonly kind: "hub"; readonly name: string; readonly isKept?: boolean; readonly token?: string }
  | { readonly kind: "files"; readonly name: string; readonly files: readonly File[] }
  | { readonly kind: "host"; readonly name: string; readonly address: string };

/** What a model is and takes, before its weights are read. */
export interface ModelForecast {
  readonly parameters: number;
  /** Bytes of its weights, and of the keys and values of a text: as its files have the weights, and with matrices in int8. */
  readonly bytes: number;
  readonly bytesAsInt8: number;
  /** Bytes that it can have beside the open model, and in its place; `Infinity` where nothing tells. */
  readonly roomBeside: number;
  readonly room: number;
}

export interface ModelReport {
  readonly parameters: number;
  readonly layers: number;
  readonly dim: number;
  readonly heads: number;
  readonly contextLength: number;
  readonly vocabSize: number;
  /** Whether its tokenizer has a template for chats. */
  readonly chats: boolean;
  /** How its matrices are stored, and the bytes of all weights in memory. */
  readonly dtype: string;
  readonly weightBytes: number;
  /** What else its reader would say, a sentence each: what is ignored, or could not be kept. */
  readonly notes: readonly string[];
}

export interface OpenOptions {
  /** Whether matrices are rounded to int8 as they are read. */
  readonly asInt8: boolean;
  /** Whether the open model goes before this one is read, for there is no room for both. */
  readonly isAlone: boolean;
}

/** A repository of the hub of which files are kept in this browser. */
export interface KeptModel {
  readonly name: string;
  readonly bytes: number;
}

/** Bytes of the files that were opened which are here, and of all of them. */
export type OnBytes = (bytes: number, totalBytes: number) => void | Promise<void>;

export interface ModelArea {
  /** Looks at a model before its weights are read, until `stop` of the same job. */
  forecastModel(job: number, source: ModelSource, onBytes: OnBytes): Promise<Reply<ModelForecast>>;
  /** Opens a model with its vocabulary, in the place of the one before, until `stop` of the same job. */
  openModel(job: number, source: ModelSource, options: OpenOptions, onBytes: OnBytes): Promise<Reply<ModelReport>>;
  /** Whether a model is open: one that could not be opened may have needed the place of the one before. */
  hasModel(): Promise<Reply<boolean>>;
  /** Makes the open model one HTML file, which writes when a browser opens it from disk. */
  modelAsPage(name: string): Promise<Reply<MadeFile>>;
  keptModels(): Promise<Reply<readonly KeptModel[]>>;
  removeKeptModel(name: string): Promise<Reply<void>>;
}
