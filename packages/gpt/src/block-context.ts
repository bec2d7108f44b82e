import type { AttentionCache, AttentionSequence } from "@gpt/tensor";
import type { Hooks } from "./hooks.ts";

/** What a block needs to know about the tokens it is given. */
export interface BlockContext {
  /** Where each sequence lies, in the tokens and in the cache. All have one number of tokens. */
  readonly sequences: readonly AttentionSequence[];
  readonly cache?: AttentionCache;
  readonly hooks?: Hooks;
  /** The block's path, for hook names. */
  readonly path: `blocks.${number}`;
}
