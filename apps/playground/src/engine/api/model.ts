import type { Reply } from "./reply.ts";

export interface ModelReport {
  readonly parameters: number;
  readonly layers: number;
  readonly dim: number;
  readonly heads: number;
  readonly contextLength: number;
  readonly vocabSize: number;
}

export interface ModelArea {
  /** Opens the model of a folder's address. */
  openModel(address: string): Promise<Reply<ModelReport>>;
}
