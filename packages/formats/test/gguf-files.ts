import { joined } from "@gpt/testing/memory-folder";
import type { GGUFMetadata, GGUFValue } from "../src/gguf/metadata.ts";
import type { GGUFType } from "../src/gguf/types.ts";
import { ggufChunks } from "../src/gguf/write.ts";
import type { GGUFTensorSource } from "../src/gguf/write.ts";

/** A tensor of these bytes. */
export function source(name: string, dtype: GGUFType, shape: readonly number[], bytes: Uint8Array): GGUFTensorSource {
  return { name, dtype, shape, async *chunks () { yield await Promise.resolve(bytes); } };
}

export async function fileBytes(tensors: readonly GGUFTensorSource[], metadata: GGUFMetadata = new Map()): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of ggufChunks(tensors, metadata)) chunks.push(chunk);
  return joined(chunks);
}

/** A value of every type. */
export const everyValue: GGUFMetadata = new Map<string, GGUFValue>([
  ["u8", { type: "u8", value: 255 }], ["i8", { type: "i8", value: -128 }], ["u16", { type: "u16", value: 65_535 }],
  ["i16", { type: "i16", value: -32_768 }], ["u32", { type: "u32", value: 4_294_967_295 }], ["i32", { type: "i32", value: -2_147_483_648 }],
  ["f32", { type: "f32", value: Math.fround(0.1) }], ["f64", { type: "f64", value: 0.1 }], ["bool", { type: "bool", value: true }],
  ["u64", { type: "u64", value: 2n ** 64n - 1n }], ["i64", { type: "i64", value: -(2n ** 63n) }], ["string", { type: "string", value: "é\u0000𝄞" }],
  ["texts", { type: "array", of: "string", value: ["", "a", "é"] }], ["none", { type: "array", of: "string", value: [] }],
  ["floats", { type: "array", of: "f32", value: Float32Array.of(1, -2.5) }], ["flags", { type: "array", of: "bool", value: Uint8Array.of(1, 0) }],
  ["ids", { type: "array", of: "i32", value: Int32Array.of(-1, 7) }], ["large", { type: "array", of: "u64", value: [1n, 2n ** 60n] }],
]);
