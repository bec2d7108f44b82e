import type { StoredView, View } from "../../contract/index.ts";
import { relaid } from "./parts.ts";
import type { Views } from "./parts.ts";
import { u32 } from "./program.ts";
import { joined, vectorQuads } from "./quads.ts";
import type { Quads } from "./quads.ts";
import { storedFunctions, storedSource } from "./stored.ts";

/** Where keys and values come from. */
export interface KeyValueSource<Keys extends Views = Views> {
  readonly name: string;
  /** `[keys, kvHeads, …]`. */
  readonly views: Keys;
  /** Of such views, or parts of them, functions `k_quad(row, head, quad)` and `v_quad(row, head, quad)`; of others as well. */
  readonly quads: (views: Keys, others: Readonly<Record<string, View>>) => Quads;
}

/** Keys and values as f32. */
export function keyValues(k: View, v: View): KeyValueSource<{ readonly k: View; readonly v: View }> {
  return { name: "", views: { k, v }, quads: (keys, others) => vectorQuads({ ...others, ...keys }) };
}

type StoredKeyValues = Readonly<Record<"keys" | "mixes", View<"i32">> & Record<"keyScales" | "mixScales", View<"i32"> | null>>;

/** Stored keys and values: all rows of one head, then those of the next. */
export function storedKeyValues(keys: StoredView, values: StoredView, kvHeads: number): KeyValueSource<StoredKeyValues> {
  const { format } = keys;
  const [rows, width] = keys.shape;
  const capacity = rows / kvHeads;
  const ofHeads = (view: View<"i32">): View<"i32"> => {
    const [, words] = view.shape;
    return relaid(view, { shape: [capacity, kvHeads, words], strides: [words, capacity * words, 1] });
  };
  return {
    name: format,
    views: {
      keys: ofHeads(keys.values),
      mixes: ofHeads(values.values),
      keyScales: keys.scales && ofHeads(keys.scales),
      mixScales: values.scales && ofHeads(values.scales),
    },
    quads(views, others) {
      const k = storedSource("keys", { format, shape: [rows, width], values: views.keys, scales: views.keyScales });
      const v = storedSource("mixes", { format, shape: [rows, width], values: views.mixes, scales: views.mixScales });
      const { operands, values, functions } = joined(vectorQuads(others), k, v);
      return {
        operands,
        values: { ...values, capacity: u32(capacity) },
        functions: (of) => `
${storedFunctions(format)}
${functions(of)}
fn k_quad(row: u32, head: u32, quad: u32) -> vec4f { return keys_quad(head * values.capacity + row, quad); }
fn v_quad(row: u32, head: u32, quad: u32) -> vec4f { return mixes_quad(head * values.capacity + row, quad); }`,
      };
    },
  };
}
