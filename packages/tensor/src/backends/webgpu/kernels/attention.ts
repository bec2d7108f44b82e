import type { AttentionKernels } from "../../../contract/index.ts";
import { append } from "./attention-append.ts";
import { attend } from "./attention-forward.ts";
import { attentionGradient } from "./attention-gradient.ts";
import type { Engine } from "../runtime/engine.ts";
import { keyValues, packedKeyValues } from "./attention-keys.ts";

export function attention(engine: Engine): AttentionKernels {
  return {
    attention({ q, k, v, sinks, out, statistics, ...options }) {
      const queries = { q, sinks, out, statistics };
      const kvHeads = k.shape[1];
      if (k.dtype !== "f32" && v.dtype !== "f32") attend(engine, queries, packedKeyValues(k, v), kvHeads, options);
      else if (k.dtype === "f32" && v.dtype === "f32") attend(engine, queries, keyValues(k.values, v.values), kvHeads, options);
    },

    attentionGradient: (call) => attentionGradient(engine, call),

    append: (call) => append(engine, call),
  };
}
