import type { Dense, MatmulKernels, PackedView, WeightKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { idOutOfRange } from "../../../index-errors.ts";
import { denseStrides, sizeOf } from "../../../shape.ts";
import type { Shape } from "../../../shape.ts";
import { decodeRows } from "../../../weight-format.ts";
import type { Memory } from "../memory.ts";

export function weights(memory: Memory, { matmul }: MatmulKernels): WeightKernels {
  return {
    linearPacked({ x, weight, out, bias, activation, preactivation, residual }) {
      const [outputs, inputs] = weight.shape;
      withElements(memory, weight, (elements) => {
        matmul({
          a: batchOfOne(x),
          b: { ...elements, shape: [1, inputs, outputs], strides: [0, 1, inputs] },
          out: batchOfOne(out),
          accumulate: false,
          bias,
          activation,
          preactivation: preactivation && batchOfOne(preactivation),
          residual: residual && batchOfOne(residual),
        });
      });
    },

    linearPackedGradient({ grad, weight, out }) {
      const plain = { accumulate: false, bias: null, activation: null, preactivation: null, residual: null };
      withElements(memory, weight, (elements) => {
        matmul({ a: batchOfOne(grad), b: batchOfOne(elements), out: batchOfOne(out), ...plain });
      });
    },

    gatherPacked({ weight, ids, out }) {
      const [entries, width] = weight.shape;
      const result = memory.dense(out);
      memory.dense(ids).forEach((id, i) => {
        if (id < 0 || id >= entries) throw idOutOfRange("embedding", id, i, entries);
        decode(memory, weight, id, result.subarray(i * width, (i + 1) * width));
      });
    },
  };
}

/** Lends `use` the elements of a packed matrix. */
export function withElements(memory: Memory, weight: PackedView, use: (elements: Dense) => void): void {
  const { shape } = weight;
  const buffer = memory.allocate(sizeOf(shape) * bytesPerElement);
  const elements = { buffer, shape, ...at(0, shape) };
  try {
    decode(memory, weight, 0, memory.dense(elements));
    use(elements);
  } finally {
    memory.free(buffer);
  }
}

function at(offset: number, shape: Shape) {
  return { offset, strides: denseStrides(shape), dtype: "f32" } as const;
}

/** The rows of a packed matrix from `row` on that fill `out`. */
function decode(memory: Memory, { format, shape, values, scales }: PackedView, row: number, out: Float32Array): void {
  const from = (part: Dense<"i32">): Int32Array => memory.dense(part).subarray(row * part.shape[1]);
  decodeRows(format, shape[1], from(values), scales ? from(scales) : undefined, out);
}

function batchOfOne({ buffer, offset, shape }: Dense): Dense {
  const batch = [1, ...shape];
  return { buffer, shape: batch, ...at(offset, batch) };
}
