import type { AttentionKernels } from "../../contract/index.ts";
import { appendStored } from "./append-stored.ts";
import { attend } from "./attend.ts";
import { attentionGradient } from "./attention-gradient.ts";
import type { Engine } from "./engine.ts";
import { keyValues, storedKeyValues } from "./key-values.ts";

export function attention(engine: Engine): AttentionKernels {
  return {
    attention: ({ q, k, v, out, statistics, ...options }) =>
      attend(engine, { q, out, statistics }, keyValues(k, v), k.shape[1], options),

    attentionGradient: (call) => attentionGradient(engine, call),

    attentionStored: ({ q, keys, values, kvHeads, out, ...options }) =>
      attend(engine, { q, out, statistics: null }, storedKeyValues(keys, values, kvHeads), kvHeads, options),

    appendStored: (call) => appendStored(engine, call),
  };
}
