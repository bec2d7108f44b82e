import type { AttentionBatch, AttentionCache } from "@gpt/tensor";
import type { Hooks } from "./hooks.ts";
import type { Rotation } from "./rotary.ts";

/** What a block needs to know about the tokens it is given. */
export interface BlockContext {
  /** Which tokens belong together, and where their keys and values lie in the cache. */
  readonly batch: AttentionBatch;
  readonly cache?: AttentionCache;
  /** What queries and keys are turned by, where they are. */
  readonly rotation?: Rotation;
  readonly hooks?: Hooks;
  /** The block's path, for hook names. */
  readonly path: `blocks.${number}`;
}
