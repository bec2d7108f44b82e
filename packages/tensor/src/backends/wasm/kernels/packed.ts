import type { PackedDType } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";

/** The dtypes' numbers in `assembly/weights.ts`. */
export const packedNumbers: Record<PackedDType, number> = { f16: 1, bf16: 2, int8: 3, int4: 4, mxfp4: 5 };

/** Nanoseconds for an element that is read where it lies. */
export const readTimes: Record<PackedDType, number> = { f16: 0.17, bf16: 0.13, int8: 0.07, int4: 0.055, mxfp4: 0.07 };

/** Bytes of a block of 32 elements as f32. */
export const blockBytes = 32 * bytesPerElement;
