import type { AttentionKernels, AttentionOptions, Dense, View } from "../../contract/index.ts";
import { appendStored } from "./append-stored.ts";
import { attend, attendFew } from "./attend.ts";
import type { KeyValueSource } from "./attend.ts";
import { attentionGradient } from "./attention-gradient.ts";
import type { Engine } from "./engine.ts";
import { reads, u32 } from "./program.ts";
import { regularRuns } from "./sequences.ts";
import { halfFunction, storedSource } from "./stored.ts";

/** Up to so many queries of a sequence, threads share the keys, not the queries. */
const fewQueries = 8;

export function attention(engine: Engine): AttentionKernels {
  const attendAll = (
    q: View, source: KeyValueSource, kvHeads: number, out: Dense, logSumExp: Dense | null, options: AttentionOptions,
  ): void => {
    for (const sequences of regularRuns(options.sequences)) {
      const run = { q, source, kvHeads, out, logSumExp, ...options, sequences };
      if (sequences.queryCount <= fewQueries) attendFew(engine, run);
      else attend(engine, run);
    }
  };
  return {
    attention({ q, k, v, out, logSumExp, ...options }) {
      attendAll(q, plainSource(k, v), k.shape[1], out, logSumExp, options);
    },

    attentionGradient: (call) => attentionGradient(engine, call, regularRuns(call.sequences)),

    attentionStored({ q, keys, values, kvHeads, out, ...options }) {
      const [k, v] = [storedSource("k", keys), storedSource("v", values)];
      const source: KeyValueSource = {
        name: keys.format,
        operands: { ...k.operands, ...v.operands },
        values: { ...k.values, ...v.values, capacity: u32(keys.shape[0] / kvHeads) },
        functions: (of) => `
${halfFunction}
${k.functions(of)}
${v.functions(of)}
fn key_element(row: u32, head: u32, i: u32) -> f32 { return k_element(head * values.capacity + row, i); }
fn value_element(row: u32, head: u32, i: u32) -> f32 { return v_element(head * values.capacity + row, i); }`,
      };
      attendAll(q, source, kvHeads, out, null, options);
    },

    appendStored: (call) => appendStored(engine, call),
  };
}

/** Keys and values as f32. */
function plainSource(k: View, v: View): KeyValueSource {
  return {
    name: "",
    operands: { k: reads(k), v: reads(v) },
    values: {
      k_row: u32(k.strides[0]),
      k_head: u32(k.strides[1]),
      v_row: u32(v.strides[0]),
      v_head: u32(v.strides[1]),
    },
    functions: (of) => `
fn key_element(row: u32, head: u32, i: u32) -> f32 {
  return ${of.k("row * values.k_row + head * values.k_head + i")};
}
fn value_element(row: u32, head: u32, i: u32) -> f32 {
  return ${of.v("row * values.v_row + head * values.v_head + i")};
}`,
  };
}
