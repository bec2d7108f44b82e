import type { Dense, PackedView, View, WeightKernels, WeightView } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { denseStrides, sizeOf } from "../../../shape.ts";
import type { Memory } from "../memory.ts";
import { activationFunctions } from "./elementwise.ts";
import { forEachId } from "./indexing.ts";
import { multiply } from "./matmul.ts";

export function weights(memory: Memory): WeightKernels {
  return {
    linear({ x, weight, out, bias, activation, preactivation, residual }) {
      const biases = bias && memory.dense(bias);
      const residuals = residual && memory.dense(residual);
      const preactivations = preactivation && memory.dense(preactivation);
      const activate = activation && activationFunctions[activation];
      withElements(memory, weight, ({ buffer, dtype, shape: [outputs, inputs], strides: [row, column], offset }) => {
        const transposed = { buffer, dtype, shape: [1, inputs, outputs], strides: [0, column, row], offset };
        multiply(memory, batchOfOne(x), transposed, out, {
          begin(sums) {
            if (biases) sums.set(biases);
          },
          finish(sums, start) {
            preactivations?.set(sums, start);
            if (activate) for (let j = 0; j < outputs; j++) sums[j] = activate(sums[j]);
            if (residuals) for (let j = 0; j < outputs; j++) sums[j] += residuals[start + j];
          },
        });
      });
    },

    linearGradient({ grad, weight, out }) {
      withElements(memory, weight, (elements) => {
        multiply(memory, batchOfOne(grad), batchOfOne(elements), out);
      });
    },

    gather({ weight, ids, out }) {
      const [entries, width] = weight.shape;
      const result = memory.dense(out);
      forEachId(memory, "embedding", ids, entries, (row, i) => {
        const to = result.subarray(i * width, (i + 1) * width);
        if (weight.dtype === "f32") to.set(memory.dense(weight.values).subarray(row * width, (row + 1) * width));
        else decode(memory, weight, row, to);
      });
    },
  };
}

/** Lends `use` the elements of a weight. */
export function withElements(memory: Memory, weight: WeightView, use: (elements: View) => void): void {
  if (weight.dtype === "f32") {
    use(weight.values);
    return;
  }
  const { shape } = weight;
  const buffer = memory.allocate(sizeOf(shape) * bytesPerElement);
  const elements: Dense = { buffer, dtype: "f32", shape, strides: denseStrides(shape), offset: 0 };
  try {
    decode(memory, weight, 0, memory.dense(elements));
    use(elements);
  } finally {
    memory.free(buffer);
  }
}

/** The rows of a packed weight from `row` on that fill `out`. */
function decode(memory: Memory, { shape, values, scales, codec }: PackedView, row: number, out: Float32Array): void {
  const from = (part: Dense<"i32">): Int32Array => memory.dense(part).subarray(row * part.shape[1]);
  codec.decode(shape[shape.length - 1], { values: from(values), scales: scales && from(scales) }, out);
}

function batchOfOne({ buffer, dtype, shape, strides, offset }: View): View {
  return { buffer, dtype, shape: [1, ...shape], strides: [0, ...strides], offset };
}
