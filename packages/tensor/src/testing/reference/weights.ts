import type { WeightFormat } from "../../contract/index.ts";
import type { Shape } from "../../shape.ts";
import type { NdArray } from "./array.ts";
import { generate } from "./array.ts";

const columnsOfBlock = 32;
const bytesOfBlock: Record<WeightFormat, number> = { f16: 64, bf16: 64, int8: 32, int4: 16 };

/** The elements of a stored matrix, one by one from the bytes of its parts. */
export function storedElements(format: WeightFormat, shape: Shape, values: NdArray, scales: NdArray): NdArray {
  const bytes = new DataView(Int32Array.from(values.data).buffer);
  const halves = new DataView(Int32Array.from(scales.data).buffer);
  const [rows, columns] = shape;
  const blocks = Math.ceil(columns / columnsOfBlock);
  return generate([rows, columns], ([row, column]) => {
    const block = Math.floor(column / columnsOfBlock);
    const start = (row * blocks + block) * bytesOfBlock[format];
    const i = column % columnsOfBlock;
    const scale = (): number => half(halves.getUint16(2 * (row * 2 * Math.ceil(blocks / 2) + block), true));
    switch (format) {
      case "f16":
        return half(bytes.getUint16(start + 2 * i, true));
      case "bf16":
        return binary(bytes.getUint16(start + 2 * i, true), 8, 7);
      case "int8":
        return bytes.getInt8(start + i) * scale();
      case "int4": {
        const byte = bytes.getUint8(start + (i % 16));
        return ((i < 16 ? byte % 16 : Math.floor(byte / 16)) - 8) * scale();
      }
    }
  });
}

function half(bits: number): number {
  return binary(bits, 5, 10);
}

/** A binary floating-point number from its sign, exponent and fraction. */
function binary(bits: number, exponentBits: number, fractionBits: number): number {
  const sign = bits >> (exponentBits + fractionBits) === 0 ? 1 : -1;
  const exponent = (bits >> fractionBits) % 2 ** exponentBits;
  const fraction = (bits % 2 ** fractionBits) / 2 ** fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}
