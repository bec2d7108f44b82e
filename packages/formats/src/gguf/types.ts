/** How the elements of a tensor in a GGUF file are stored (ggml.h, ggml_type; ggml-common.h, the blocks). */
export interface GGUFFormat {
  /** Its number in files. */
  readonly id: number;
  /** Elements of a block; a row has whole blocks. */
  readonly block: number;
  /** Bytes of a block. */
  readonly bytes: number;
}

/** The types that are read, by llama.cpp's names. */
export const ggufFormats = {
  f32: { id: 0, block: 1, bytes: 4 },
  f16: { id: 1, block: 1, bytes: 2 },
  bf16: { id: 30, block: 1, bytes: 2 },
  q4_0: { id: 2, block: 32, bytes: 18 },
  q4_1: { id: 3, block: 32, bytes: 20 },
  q5_0: { id: 6, block: 32, bytes: 22 },
  q5_1: { id: 7, block: 32, bytes: 24 },
  q8_0: { id: 8, block: 32, bytes: 34 },
  q2_K: { id: 10, block: 256, bytes: 84 },
  q3_K: { id: 11, block: 256, bytes: 110 },
  q4_K: { id: 12, block: 256, bytes: 144 },
  q5_K: { id: 13, block: 256, bytes: 176 },
  q6_K: { id: 14, block: 256, bytes: 210 },
  iq4_nl: { id: 20, block: 32, bytes: 18 },
  mxfp4: { id: 39, block: 32, bytes: 17 },
} as const satisfies Readonly<Record<string, GGUFFormat>>;

/** A type that is read. */
export type GGUFType = keyof typeof ggufFormats;

export const ggufTypes = /* @__PURE__ */ Object.keys(ggufFormats) as GGUFType[];

/** Names of types that are not read, for messages. */
const others: Readonly<Record<number, string>> = {
  9: "q8_1", 15: "q8_K", 16: "iq2_xxs", 17: "iq2_xs", 18: "iq3_xxs", 19: "iq1_s", 21: "iq3_s", 22: "iq2_s", 23: "iq4_xs", 24: "i8",
  25: "i16", 26: "i32", 27: "i64", 28: "f64", 29: "iq1_m", 34: "tq1_0", 35: "tq2_0", 40: "nvfp4",
};

/** The type of a number, or what to call the number in a message. */
export function typeOfId(id: number): { readonly type: GGUFType } | { readonly unknown: string } {
  const type = ggufTypes.find((type) => ggufFormats[type].id === id);
  return type ? { type } : { unknown: others[id] ?? `of number ${id}` };
}

/** Bytes of rows of `columns` elements, which are whole blocks. */
export function rowBytes(type: GGUFType, columns: number): number {
  const { block, bytes } = ggufFormats[type];
  return (columns / block) * bytes;
}
