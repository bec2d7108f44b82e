import type { StoredView, View } from "../../contract/index.ts";
import { u32 } from "./program.ts";
import { vectorQuads } from "./quads.ts";
import type { Quads } from "./quads.ts";
import { storedFunctions, storedSource } from "./stored.ts";

/** Where keys and values come from: its functions are `k_quad(row, head, quad)` and `v_quad(row, head, quad)`. */
export interface KeyValueSource extends Quads {
  readonly name: string;
}

/** Keys and values as f32. */
export function keyValues(k: View, v: View): KeyValueSource {
  const [keys, values] = [vectorQuads("k", k), vectorQuads("v", v)];
  return {
    name: "",
    operands: { ...keys.operands, ...values.operands },
    values: { ...keys.values, ...values.values },
    functions: (of) => keys.functions(of) + values.functions(of),
  };
}

/** Stored keys and values: all rows of one head, then those of the next. */
export function storedKeyValues(keys: StoredView, values: StoredView, kvHeads: number): KeyValueSource {
  const [k, v] = [storedSource("keys", keys), storedSource("mixes", values)];
  return {
    name: keys.format,
    operands: { ...k.operands, ...v.operands },
    values: { ...k.values, ...v.values, capacity: u32(keys.shape[0] / kvHeads) },
    functions: (of) => `
${storedFunctions(keys.format)}
${k.functions(of)}
${v.functions(of)}
fn k_quad(row: u32, head: u32, quad: u32) -> vec4f { return keys_quad(head * values.capacity + row, quad); }
fn v_quad(row: u32, head: u32, quad: u32) -> vec4f { return mixes_quad(head * values.capacity + row, quad); }`,
  };
}
