import { philoxBlock } from "@gpt/tensor";

/** Token ids that are always the same, spread over a vocabulary. */
export function randomTokens(count: number, vocabSize: number): Int32Array<ArrayBuffer> {
  const ids = new Int32Array(count);
  const words = new Uint32Array(4);
  for (let i = 0; i < count; i++) {
    if (i % 4 === 0) philoxBlock({ seed: [0, 0], stream: [0, 0] }, i / 4, words);
    ids[i] = words[i % 4] % vocabSize;
  }
  return ids;
}
