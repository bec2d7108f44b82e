import type { PackedView, View } from "../../../contract/index.ts";
import { relaid } from "../runtime/split-bindings.ts";
import type { Views } from "../runtime/split-bindings.ts";
import { u32 } from "../runtime/program.ts";
import { joined, vectorVec4 } from "../wgsl/vec4.ts";
import type { Vec4Access } from "../wgsl/vec4.ts";
import { packedFunctions, packedSource } from "../wgsl/packed.ts";

/** Where keys and values come from. */
export interface KeyValueSource<Keys extends Views = Views> {
  readonly name: string;
  /** `[keys, kvHeads, …]`. */
  readonly views: Keys;
  /** Of such views, or parts of them, functions `k_vec4(row, head, vec4)` and `v_vec4(row, head, vec4)`; of others as well. */
  readonly vec4s: (views: Keys, others: Readonly<Record<string, View>>) => Vec4Access;
}

/** Keys and values as f32. */
export function keyValues(k: View, v: View): KeyValueSource<{ readonly k: View; readonly v: View }> {
  return { name: "", views: { k, v }, vec4s: (keys, others) => vectorVec4({ ...others, ...keys }) };
}

type PackedKeyValues = Readonly<Record<"keys" | "mixes", View<"i32">> & Record<"keyScales" | "mixScales", View<"i32"> | null>>;

/** Packed keys and values: all rows of one head, then those of the next. */
export function packedKeyValues(keys: PackedView, values: PackedView, kvHeads: number): KeyValueSource<PackedKeyValues> {
  const { dtype } = keys;
  const [rows, width] = keys.shape;
  const capacity = rows / kvHeads;
  const ofHeads = (view: View<"i32">): View<"i32"> => {
    const [, words] = view.shape;
    return relaid(view, { shape: [capacity, kvHeads, words], strides: [words, capacity * words, 1] });
  };
  return {
    name: dtype,
    views: {
      keys: ofHeads(keys.values),
      mixes: ofHeads(values.values),
      keyScales: keys.scales && ofHeads(keys.scales),
      mixScales: values.scales && ofHeads(values.scales),
    },
    vec4s(views, others) {
      const k = packedSource("keys", { dtype, shape: [rows, width], values: views.keys, scales: views.keyScales });
      const v = packedSource("mixes", { dtype, shape: [rows, width], values: views.mixes, scales: views.mixScales });
      const { operands, values, functions } = joined(vectorVec4(others), k, v);
      return {
        operands,
        values: { ...values, capacity: u32(capacity) },
        functions: (of) => `
${packedFunctions(dtype)}
${functions(of)}
fn k_vec4(row: u32, head: u32, vec4: u32) -> vec4f { return keys_vec4(head * values.capacity + row, vec4); }
fn v_vec4(row: u32, head: u32, vec4: u32) -> vec4f { return mixes_vec4(head * values.capacity + row, vec4); }`,
      };
    },
  };
}
