import { philoxBlock } from "@gpt/tensor";

/** Streams of random words for what a run chooses by chance. A model's own streams count up from 0. */
export const streams = { windows: 0xffff_ffff, order: 0xffff_fffe, split: 0xffff_fffd } as const;

/** A number in [0, 1) of 53 random bits: a pure function of seed, stream, number within the stream, and index. */
export function uniformAt(seed: number, stream: number, number: number, index: number): number {
  philoxBlock({ seed: [seed >>> 0, Math.floor(seed / 2 ** 32)], stream: [number, stream] }, index, words);
  return ((words[0] >>> 5) * 2 ** 26 + (words[1] >>> 6)) * 2 ** -53;
}

const words = new Uint32Array(4);
