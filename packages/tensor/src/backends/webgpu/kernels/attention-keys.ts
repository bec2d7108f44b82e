import type { PackedVectorsView, View } from "../../../contract/index.ts";
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

/** Packed keys and values. */
export function packedKeyValues(k: PackedVectorsView, v: PackedVectorsView): KeyValueSource<PackedKeyValues> {
  return {
    name: k.dtype,
    views: { keys: k.values, mixes: v.values, keyScales: k.scales, mixScales: v.scales },
    vec4s(views, others) {
      const keys = packedVectors("keys", { ...k, values: views.keys, scales: views.keyScales });
      const mixes = packedVectors("mixes", { ...v, values: views.mixes, scales: views.mixScales });
      const { operands, values, functions } = joined(vectorVec4(others), keys, mixes);
      return {
        operands,
        values,
        functions: (of) => `
${packedFunctions(k.dtype)}
${functions(of)}
fn k_vec4(row: u32, head: u32, vec4: u32) -> vec4f { return keys_vec4(head * values.keys_rows + row, vec4); }
fn v_vec4(row: u32, head: u32, vec4: u32) -> vec4f { return mixes_vec4(head * values.mixes_rows + row, vec4); }`,
      };
    },
  };
}

/** Packed vectors as a matrix of all rows of one head, then those of the next: there are `NAME_rows` of each. */
function packedVectors(name: string, { dtype, shape: [rows, , width], values, scales }: PackedVectorsView): Vec4Access {
  const source = packedSource(name, { dtype, shape: [rows, width], values, scales });
  return { ...source, values: { ...source.values, [`${name}_rows`]: u32(values.strides[1] / values.strides[0]) } };
}
