import type { TensorSource } from "@gpt/formats";
import type { Weight } from "@gpt/tensor";
import type { TensorNames } from "../architectures/architecture.ts";
import { copyMatrix, matrixShape, runsOf } from "../layout.ts";
import type { Run } from "../layout.ts";
import type { GPT } from "../model.ts";
import { slotsOf } from "../slots.ts";
import { readRows } from "../weight-source.ts";

/** Rows of a weight that a tensor holds. */
interface Part {
  readonly weight: Weight;
  readonly columns: number;
  readonly run: Run;
}

/** The tensors of a file that hold a model's weights. The weights are read when their turn comes. */
export function tensorsOf(model: GPT, { layoutOf }: TensorNames): TensorSource[] {
  const parts = new Map<string, Part[]>();
  const weights = new Map(model.namedWeights());
  for (const slot of slotsOf(model)) {
    const layout = layoutOf(slot);
    if (!layout) throw new Error(`${slot.path} has no place in a file`);
    const [, columns] = matrixShape(slot.shape);
    for (const run of runsOf(layout, slot.shape)) {
      const part = { weight: weights.get(slot.path) as Weight, columns, run };
      parts.set(run.tensor, [...(parts.get(run.tensor) ?? []), part]);
    }
  }
  return Array.from(parts, ([name, parts]) => ({ name, shape: parts[0].run.shape, read: () => join(parts) }));
}

/** The elements of a tensor, of which weights hold parts. */
async function join(parts: readonly Part[]): Promise<Float32Array> {
  const size = parts[0].run.shape.reduce((product, length) => product * length, 1);
  const values = new Float32Array(size);
  for (const { weight, columns, run: { first, count, offset, strides } } of parts) {
    const rows = await readRows(weight, { start: first, count });
    if (rows.length === size && strides[1] === 1) return rows;
    copyMatrix(rows, [columns, 1], values.subarray(offset), strides, count, columns);
  }
  return values;
}
