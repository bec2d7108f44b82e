import { encodingNames } from "../src/encodings.ts";
import type { EncodingName } from "../src/encodings/specifications.ts";

/** How much a test does: the full count where GPT_VERIFY is set, else one that is quick. */
export function testCount(full: number, quick: number): number {
  return process.env.GPT_VERIFY ? full : quick;
}

/** Encodings to try what takes long for large ones: all of them, or small ones. */
export const someEncodings: readonly EncodingName[] = process.env.GPT_VERIFY ? encodingNames : ["gpt2", "p50k_edit"];
