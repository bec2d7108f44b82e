import type { AttentionCache, AttentionSequence } from "@gpt/tensor";
import type { Hooks } from "./hooks.ts";
import type { Rotation } from "./rotary.ts";

/** What a block needs to know about the tokens it is given. */
export interface BlockContext {
  /** Where each sequence lies, in the tokens and in the cache. All have one number of tokens. */
  readonly sequences: readonly AttentionSequence[];
  readonly cache?: AttentionCache;
  /** What queries and keys are turned by, where they are. */
  readonly rotation?: Rotation;
  readonly hooks?: Hooks;
  /** The block's path, for hook names. */
  readonly path: `blocks.${number}`;
}
