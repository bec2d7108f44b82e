import type { EncodeOptions, StreamingDecoder, Tokenizer } from "../tokenizer.ts";

export declare class BytePairTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endOfText: number | undefined;
  readonly specialTokens: ReadonlyMap<string, number>;
  encode(text: string, options?: EncodeOptions): number[];
  encodeOrdinary(text: string): number[];
  decode(ids: Iterable<number>): string;
  decodeBytes(ids: Iterable<number>): Uint8Array;
  createDecoder(): StreamingDecoder;
}
