import type { AttentionKernels, AttentionOptions, Dense, View } from "../../contract/index.ts";
import { appendStored } from "./append-stored.ts";
import { attend, attendFew } from "./attend.ts";
import { attentionGradient } from "./attention-gradient.ts";
import type { Engine } from "./engine.ts";
import { keyValues, storedKeyValues } from "./key-values.ts";
import type { KeyValueSource } from "./key-values.ts";
import { regularRuns } from "./sequences.ts";

/** Up to so many queries of a sequence, threads share the keys, not the queries. */
const fewQueries = 8;

export function attention(engine: Engine): AttentionKernels {
  const attendAll = (
    q: View, source: KeyValueSource, kvHeads: number, out: Dense, statistics: Dense | null, options: AttentionOptions,
  ): void => {
    for (const sequences of regularRuns(options.sequences)) {
      const run = { q, source, kvHeads, out, statistics, ...options, sequences };
      if (sequences.queryCount <= fewQueries) attendFew(engine, run);
      else attend(engine, run);
    }
  };
  return {
    attention({ q, k, v, out, statistics, ...options }) {
      attendAll(q, keyValues(k, v), k.shape[1], out, statistics, options);
    },

    attentionGradient: (call) => attentionGradient(engine, call, regularRuns(call.sequences)),

    attentionStored({ q, keys, values, kvHeads, out, ...options }) {
      attendAll(q, storedKeyValues(keys, values, kvHeads), kvHeads, out, null, options);
    },

    appendStored: (call) => appendStored(engine, call),
  };
}
