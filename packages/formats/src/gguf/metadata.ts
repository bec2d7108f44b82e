/** The values of a GGUF file's metadata, with their types, so that what is read can be written again. */
export type GGUFValue =
  | { readonly type: GGUFNumberType; readonly value: number }
  | { readonly type: "u64" | "i64"; readonly value: bigint }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "array"; readonly of: "string"; readonly value: readonly string[] }
  | { readonly type: "array"; readonly of: "u64" | "i64"; readonly value: readonly bigint[] }
  | { readonly type: "array"; readonly of: GGUFNumberType | "bool"; readonly value: ArrayLike<number> };

/** Numbers of at most 32 bits, and f64. */
export type GGUFNumberType = "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "f32" | "f64";

/** Metadata by their keys, in the order of the file. */
export type GGUFMetadata = ReadonlyMap<string, GGUFValue>;

export type ScalarType = GGUFNumberType | "u64" | "i64" | "bool" | "string";

/** The types by their numbers (gguf.h, gguf_type). */
export const valueTypes: readonly (ScalarType | "array")[] = [
  "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64",
];

/** The fewest bytes that a value takes. */
export const valueBytes: Readonly<Record<ScalarType, number>> = {
  u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, bool: 1, string: 8, u64: 8, i64: 8, f64: 8,
};

/** What begins each file. */
export const magic = [0x47, 0x47, 0x55, 0x46];
/** The version that is written; 2 differs from it in nothing that is read here. */
export const version = 3;
export const alignmentKey = "general.alignment";
export const defaultAlignment = 32;
