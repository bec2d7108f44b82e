/** The dtypes of weights, and what is known of each: bits are described in `contract/weights.ts`, codecs follow them. */
import { sizeOf } from "./shape.ts";
import type { Shape } from "./shape.ts";

/** How the elements of a weight are stored. */
export interface WeightFormat {
  /** Columns of a block: rows are cut into blocks, the last one filled up with zeros. */
  readonly block: number;
  /** Words of 32 bits that hold a block's values. */
  readonly words: number;
  /** What the scale of a block is stored as, if it has one. */
  readonly scale: "none" | ScaleDType;
  /** Whether caches of keys and values may be stored so: every backend has an encoder. */
  readonly caches: boolean;
}

/** f16, or a power of two in a byte: 127 is 1, 0 is 2⁻¹²⁷, and 255 is NaN (E8M0 of the OCP's MX formats 1.0). */
export type ScaleDType = "f16" | "e8m0";

/** Columns of a block of all packed dtypes. */
export const blockColumns = 32;

export const weightFormats = {
  f32: { block: 1, words: 1, scale: "none", caches: true },
  f16: { block: blockColumns, words: 16, scale: "none", caches: true },
  bf16: { block: blockColumns, words: 16, scale: "none", caches: true },
  int8: { block: blockColumns, words: 8, scale: "f16", caches: true },
  int4: { block: blockColumns, words: 4, scale: "f16", caches: true },
  mxfp4: { block: blockColumns, words: 4, scale: "e8m0", caches: false },
} as const satisfies Readonly<Record<string, WeightFormat>>;

type Formats = typeof weightFormats;

/** How the elements of a weight may be stored. */
export type WeightDType = keyof Formats;
/** How those of a packed weight may be. */
export type PackedDType = Exclude<WeightDType, "f32">;
/** How keys and values may be kept. */
export type CacheDType = { [D in WeightDType]: Formats[D]["caches"] extends true ? D : never }[WeightDType];
/** As what a cache of keys and values is packed: every `CacheDType` but f32. */
export type PackedCacheDType = Exclude<CacheDType, "f32">;

// The annotations let bundlers leave out lists that are not used.
export const weightDTypes = /* @__PURE__ */ Object.keys(weightFormats) as WeightDType[];
export const packedDTypes = /* @__PURE__ */ weightDTypes.filter((dtype) => dtype !== "f32");
export const cacheDTypes = /* @__PURE__ */ weightDTypes.filter((dtype): dtype is CacheDType => weightFormats[dtype].caches);

/** Bits of a scale: words are full of them, the first one in the lowest bits. */
export const scaleBits: Readonly<Record<WeightFormat["scale"], number>> = { none: 0, f16: 16, e8m0: 8 };

/** The shapes of the parts that hold a weight `[…, columns]`: the rows of all its matrices follow on one another. */
export function partShapes(dtype: WeightDType, shape: Shape): { values: Shape; scales: Shape | undefined } {
  const { block, words, scale } = weightFormats[dtype];
  const rows = sizeOf(shape.slice(0, -1));
  const blocks = Math.ceil((shape.at(-1) ?? 1) / block);
  const bits = blocks * scaleBits[scale];
  return { values: [rows, blocks * words], scales: scale === "none" ? undefined : [rows, Math.ceil(bits / 32)] };
}
