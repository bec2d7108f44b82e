import { halfToFloat } from "@gpt/common";
import { FormatError } from "../errors.ts";

/** Bits of one element, for every dtype of the format. */
export const dtypeBits = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E5M2FNUZ: 8,
  F8_E4M3FNUZ: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** The element types of a safetensors file, by their names there. */
export type SafetensorsDType = keyof typeof dtypeBits;

/**
 * Converts little-endian values of a floating-point dtype to f32. Exact, but for F64, which is rounded. `where` begins
 * the message for dtypes that are no weights (`unsupported-dtype`).
 */
export function toFloat32(bytes: Uint8Array, dtype: SafetensorsDType, where: string): Float32Array {
  const { buffer, byteOffset, byteLength } = aligned(bytes);
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer, byteOffset, byteLength / 4);
    case "F64":
      return new Float32Array(new Float64Array(buffer, byteOffset, byteLength / 8));
    // Loops take a seventh of the time of `from`.
    case "BF16": {
      const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
      const bits = new Uint32Array(halves.length);
      // The upper half of an f32.
      for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
      return new Float32Array(bits.buffer);
    }
    case "F16": {
      const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
      const values = new Float32Array(halves.length);
      for (let i = 0; i < halves.length; i++) values[i] = halfToFloat(halves[i]);
      return values;
    }
    default:
      throw new FormatError(
        "unsupported-dtype",
        `${where} has dtype ${dtype}; weights are read from F32, F16, BF16 and F64`,
      );
  }
}

/** Bytes at an address that every typed array accepts. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}
