import type { AttentionKernels } from "../../../contract/index.ts";
import { appendPacked } from "./attention-append.ts";
import { attend } from "./attention-forward.ts";
import { attentionGradient } from "./attention-gradient.ts";
import type { Engine } from "../runtime/engine.ts";
import { keyValues, packedKeyValues } from "./attention-keys.ts";

export function attention(engine: Engine): AttentionKernels {
  return {
    attention: ({ q, k, v, sinks, out, statistics, ...options }) =>
      attend(engine, { q, sinks, out, statistics }, keyValues(k, v), k.shape[1], options),

    attentionGradient: (call) => attentionGradient(engine, call),

    attentionPacked: ({ q, keys, values, kvHeads, sinks, out, ...options }) =>
      attend(engine, { q, sinks, out, statistics: null }, packedKeyValues(keys, values, kvHeads), kvHeads, options),

    appendPacked: (call) => appendPacked(engine, call),
  };
}
