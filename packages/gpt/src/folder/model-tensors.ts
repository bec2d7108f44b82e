import { floatToBfloat, floatToHalf } from "@gpt/common";
import type { TensorSource, TensorValues } from "@gpt/formats";
import { decodeParts } from "@gpt/tensor";
import type { PackedParts } from "@gpt/tensor";
import type { TensorNames } from "../architectures/architecture.ts";
import { GPTError } from "../errors.ts";
import { copyMatrix, matrixShape } from "../layout.ts";
import { partsAs, readStored } from "../model-weights.ts";
import type { ReadableWeights } from "../model-weights.ts";
import type { Slot } from "../slots.ts";
import type { RowRange } from "../weight-source.ts";
import { mxfp4Bytes, mxfp4FileDType, mxfp4Shapes } from "./mxfp4.ts";
import { partsByTensor, tensorBytes } from "./tensor-bytes.ts";
import type { TensorPart } from "./tensor-bytes.ts";

/** As what elements are written. */
export type ElementDType = "f32" | "f16" | "bf16";

/** The tensors of a file that hold weights. These are read when the tensor's turn comes. */
export function tensorsOf(
  slots: Iterable<Slot>, weights: ReadableWeights, names: TensorNames, dtype: ElementDType = "f32",
): TensorSource[] {
  const elements = async (slot: Slot, rows: RowRange): Promise<Float32Array> => decodeParts(await readStored(weights, slot, rows));
  const mxfp4 = async (slot: Slot, rows: RowRange): Promise<PackedParts> => partsAs("mxfp4", await readStored(weights, slot, rows));
  return Array.from(partsByTensor(slots, names)).flatMap(([name, parts]): TensorSource[] => {
    const [{ slot, run: { shape, scales, strides } }] = parts;
    const [, columns] = matrixShape(slot);
    if (scales === undefined) {
      const isTurned = columns > 1 && strides[1] !== 1;
      const encode = (values: Float32Array): TensorValues => (dtype === "f32" ? values : halves(name, dtype, values));
      const bytes = async (slot: Slot, rows: RowRange): Promise<Uint8Array> => bytesOf(encode(await elements(slot, rows)));
      const width = (dtype === "f32" ? 4 : 2) * columns;
      const read = isTurned ? async () => encode(await turned(parts, elements)) : () => tensorBytes(parts, width, bytes);
      return [{ name, shape, dtype: fileDTypes[dtype], read }];
    }
    const shapes = mxfp4Shapes(shape);
    const source = (name: string, which: "values" | "scales"): TensorSource => {
      const width = (sizeOf(shapes[which]) / sizeOf(shape)) * columns;
      const bytes = async (slot: Slot, rows: RowRange): Promise<Uint8Array> => mxfp4Bytes(await mxfp4(slot, rows))[which];
      return { name, shape: shapes[which], dtype: mxfp4FileDType, read: () => tensorBytes(parts, width, bytes) };
    };
    return [source(name, "values"), source(scales, "scales")];
  });
}

/** The elements of a tensor that holds the transposes of weights: each row of it has some of all of their rows. */
async function turned(
  parts: readonly TensorPart[], elements: (slot: Slot, rows: RowRange) => Promise<Float32Array>,
): Promise<Float32Array> {
  const values = new Float32Array(sizeOf(parts[0].run.shape));
  for (const { slot, run: { first, count, offset, strides } } of parts) {
    const [, columns] = matrixShape(slot);
    copyMatrix(await elements(slot, { start: first, count }), [columns, 1], values.subarray(offset), strides, count, columns);
  }
  return values;
}

const fileDTypes = { f32: "F32", f16: "F16", bf16: "BF16" } as const;

/** The bytes of elements in 16 bits. Throws `unsupported-model` where one is beyond f16. */
function halves(name: string, dtype: "f16" | "bf16", values: Float32Array): Uint8Array {
  const encode = dtype === "f16" ? floatToHalf : floatToBfloat;
  const bits = Uint16Array.from(values, encode);
  const beyond = dtype === "f16" ? values.findIndex((value) => Math.abs(value) >= 65_520 && Math.abs(value) < Infinity) : -1;
  if (beyond >= 0) throw new GPTError("unsupported-model", `${name} has ${values[beyond]}, beyond the 65504 that f16 holds; write it as bf16`);
  return new Uint8Array(bits.buffer);
}

function bytesOf({ buffer, byteOffset, byteLength }: TensorValues): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
