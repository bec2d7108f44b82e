import type { StoredView, View } from "../../contract/index.ts";
import { reads, u32 } from "./program.ts";
import type { Elements, Operand, Value } from "./program.ts";
import { halfFunction, storedSource } from "./stored.ts";

/** Where keys and values come from. */
export interface KeyValueSource {
  readonly name: string;
  readonly operands: Readonly<Record<string, Operand>>;
  readonly values: Readonly<Record<string, Value>>;
  /** WGSL of `key_element(row, head, i)` and `value_element(row, head, i)`. */
  readonly functions: (of: Elements) => string;
}

/** Keys and values as f32. */
export function keyValues(k: View, v: View): KeyValueSource {
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

/** Stored keys and values: all rows of one head, then those of the next. */
export function storedKeyValues(keys: StoredView, values: StoredView, kvHeads: number): KeyValueSource {
  const [k, v] = [storedSource("k", keys), storedSource("v", values)];
  return {
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
}
