import type { PackedCacheDType, PackedDType, WeightDType } from "../../contract/index.ts";
import type { Shape } from "../../shape.ts";
import type { NdArray } from "./array.ts";
import { generate } from "./array.ts";

const columnsOfBlock = 32;
const bytesOfBlock: Record<PackedDType, number> = { f16: 64, bf16: 64, int8: 32, int4: 16, mxfp4: 16 };

/** The elements of a weight: of a packed one, one by one from the bytes of its parts. */
export function weightElements(dtype: WeightDType, shape: Shape, values: NdArray, scales: NdArray): NdArray {
  if (dtype === "f32") return values;
  const bytes = new DataView(Int32Array.from(values.data).buffer);
  const scaleBytes = new DataView(Int32Array.from(scales.data).buffer);
  const [rows, columns] = shape;
  const blocks = Math.ceil(columns / columnsOfBlock);
  return generate([rows, columns], ([row, column]) => {
    const block = Math.floor(column / columnsOfBlock);
    const start = (row * blocks + block) * bytesOfBlock[dtype];
    const i = column % columnsOfBlock;
    const scale = (): number => half(scaleBytes.getUint16(2 * (row * 2 * Math.ceil(blocks / 2) + block), true));
    switch (dtype) {
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
      case "mxfp4": {
        const byte = bytes.getUint8(start + (i % 16));
        const exponent = scaleBytes.getUint8(row * 4 * Math.ceil(blocks / 4) + block);
        const code = i < 16 ? byte % 16 : Math.floor(byte / 16);
        return binary(code, 2, 1) * (exponent === 255 ? NaN : 2 ** (exponent - 127));
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

/** The words of the parts that `append` writes for one row, by the words of its contract. */
export function appendedRow(dtype: PackedCacheDType, row: Float64Array): { values: Int32Array; scales: Int32Array } {
  const blocks = Math.ceil(row.length / columnsOfBlock);
  const bytes = new DataView(new ArrayBuffer(blocks * bytesOfBlock[dtype]));
  const scales = new DataView(new ArrayBuffer(4 * Math.ceil(blocks / 2)));
  for (let block = 0; block < blocks; block++) {
    const elements = Array.from({ length: columnsOfBlock }, (_, i) => row[block * columnsOfBlock + i] ?? 0);
    const start = block * bytesOfBlock[dtype];
    if (dtype === "f16" || dtype === "bf16") {
      const bits = dtype === "f16" ? halfBits : brainBits;
      elements.forEach((x, i) => bytes.setUint16(start + 2 * i, bits(x), true));
      continue;
    }
    const size = Math.max(...elements.map(Math.abs));
    const extreme = elements.includes(-size) ? -size : size;
    const scaleBits = halfBits(dtype === "int8" ? Math.fround(size * Math.fround(1 / 127)) : extreme / -8);
    scales.setUint16(2 * block, scaleBits, true);
    const scale = half(scaleBits);
    const [min, max] = dtype === "int8" ? [-127, 127] : [-8, 7];
    const codes = elements.map((x) => Math.min(Math.max(scale === 0 ? 0 : evenRounded(x / scale), min), max));
    if (dtype === "int8") codes.forEach((code, i) => bytes.setInt8(start + i, code));
    else for (let i = 0; i < 16; i++) bytes.setUint8(start + i, codes[i] + 8 + 16 * (codes[i + 16] + 8));
  }
  const words = ({ buffer }: DataView): Int32Array => new Int32Array(buffer as ArrayBuffer);
  return { values: words(bytes), scales: words(scales) };
}

/** The nearest whole number, of two the even one. */
function evenRounded(x: number): number {
  const below = Math.floor(x);
  const isAbove = x - below > 0.5 || (x - below === 0.5 && below % 2 !== 0);
  return isAbove ? below + 1 : below;
}

/** The bits of the nearest number with `fractionBits` bits of fraction and exponents from `lowest` on. */
function binaryBits(x: number, fractionBits: number, lowest: number): number {
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), lowest);
  // Counted in units of the last place from 0 on, numbers follow one another as their bits do.
  const units = evenRounded(Math.abs(x) / 2 ** (exponent - fractionBits));
  return x === 0 ? 0 : units + (exponent - lowest) * 2 ** fractionBits;
}

function halfBits(x: number): number {
  return (x < 0 || Object.is(x, -0) ? 0x8000 : 0) + Math.min(binaryBits(x, 10, -14), 0x7bff);
}

function brainBits(x: number): number {
  return (x < 0 || Object.is(x, -0) ? 0x8000 : 0) + binaryBits(x, 7, -126);
}
