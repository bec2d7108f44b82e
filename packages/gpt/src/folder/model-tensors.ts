import type { TensorSource } from "@gpt/formats";
import type { PackedWeight, Weight } from "@gpt/tensor";
import type { TensorNames } from "../architectures/architecture.ts";
import { copyMatrix, matrixShape, runsOf } from "../layout.ts";
import type { Run } from "../layout.ts";
import type { GPT } from "../model.ts";
import { slotsOf } from "../slots.ts";
import type { Slot } from "../slots.ts";
import { readRows } from "../weight-source.ts";
import { mxfp4Bytes, mxfp4FileDType, mxfp4Shapes } from "./mxfp4.ts";

/** Rows of a weight that a tensor holds. */
interface Part {
  readonly weight: Weight;
  readonly slot: Slot;
  readonly run: Run;
}

/** The tensors of a file that hold a model's weights. The weights are read when their turn comes. */
export function tensorsOf(model: GPT, { layoutOf }: TensorNames): TensorSource[] {
  const parts = new Map<string, Part[]>();
  const weights = new Map(model.namedWeights());
  for (const slot of slotsOf(model)) {
    const layout = layoutOf(slot);
    if (!layout) throw new Error(`${slot.path} has no place in a file`);
    for (const run of runsOf(layout, slot)) {
      const part = { weight: weights.get(slot.path) as Weight, slot, run };
      parts.set(run.tensor, [...(parts.get(run.tensor) ?? []), part]);
    }
  }
  return Array.from(parts).flatMap(([name, parts]): TensorSource[] => {
    const [{ run: { shape, scales } }] = parts;
    if (scales === undefined) return [{ name, shape, read: () => join(parts) }];
    const shapes = mxfp4Shapes(shape);
    const read = (which: "values" | "scales") => () => joinMxfp4(parts, which, shapes[which]);
    return [
      { name, shape: shapes.values, dtype: mxfp4FileDType, read: read("values") },
      { name: scales, shape: shapes.scales, dtype: mxfp4FileDType, read: read("scales") },
    ];
  });
}

/** The elements of a tensor, of which weights hold parts. */
async function join(parts: readonly Part[]): Promise<Float32Array> {
  const size = sizeOf(parts[0].run.shape);
  const values = new Float32Array(size);
  for (const { weight, slot, run: { first, count, offset, strides } } of parts) {
    const [, columns] = matrixShape(slot);
    const rows = await readRows(weight, slot, { start: first, count });
    if (rows.length === size && strides[0] === columns && strides[1] === 1) return rows;
    copyMatrix(rows, [columns, 1], values.subarray(offset), strides, count, columns);
  }
  return values;
}

/** The bytes of a tensor of mxfp4, or of its scales. */
async function joinMxfp4(parts: readonly Part[], which: "values" | "scales", shape: readonly number[]): Promise<Uint8Array> {
  const bytes = new Uint8Array(sizeOf(shape));
  for (const { weight, slot, run: { first, count, offset, strides } } of parts) {
    const [, columns] = matrixShape(slot);
    const rows = mxfp4Bytes(await (weight as PackedWeight).readRows(first, count))[which];
    const width = rows.length / count;
    for (let i = 0; i < count; i++) {
      bytes.set(rows.subarray(i * width, (i + 1) * width), ((offset + i * strides[0]) / columns) * width);
    }
  }
  return bytes;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
