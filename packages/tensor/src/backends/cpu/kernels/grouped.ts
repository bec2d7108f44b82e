import type { Dense, GroupedKernels } from "../../../contract/index.ts";
import type { Shape } from "../../../shape.ts";
import type { Memory } from "../memory.ts";
import { forEachId } from "./indexing.ts";
import { withElements } from "./weights.ts";

export function grouped(memory: Memory): GroupedKernels {
  return {
    groupedLinear({ x, weight, bias, ids, out }) {
      const [layers, outputs] = weight.shape;
      const xs = memory.dense(x);
      const biases = bias && memory.dense(bias);
      const sums = new Float64Array(memory.dense(out).length);
      forEachId(memory, "groupedLinear", ids, layers, (layer, row) => {
        if (biases) sums.set(biases.subarray(layer * outputs, (layer + 1) * outputs), row * outputs);
      });
      withElements(memory, weight, (view) => {
        const weights = memory.elements(view);
        forEachProduct(memory, ids, weight.shape, (input, at, output) => {
          sums[output] += xs[input] * weights[at];
        });
      });
      memory.dense(out).set(sums);
    },

    groupedLinearGradient({ grad, weight, ids, out }) {
      const grads = memory.dense(grad);
      const sums = new Float64Array(memory.dense(out).length);
      withElements(memory, weight, (view) => {
        const weights = memory.elements(view);
        forEachProduct(memory, ids, weight.shape, (input, at, output) => {
          sums[input] += grads[output] * weights[at];
        });
      });
      memory.dense(out).set(sums);
    },

    groupedLinearWeightGradient({ grad, x, ids, gradWeight, gradBias }) {
      const [layers, outputs] = gradWeight.shape;
      const [grads, xs] = [memory.dense(grad), memory.dense(x)];
      const sums = Float64Array.from(memory.dense(gradWeight));
      forEachProduct(memory, ids, gradWeight.shape, (input, at, output) => {
        sums[at] += grads[output] * xs[input];
      });
      memory.dense(gradWeight).set(sums);
      if (!gradBias) return;
      const biasSums = Float64Array.from(memory.dense(gradBias));
      forEachId(memory, null, ids, layers, (layer, row) => {
        for (let j = 0; j < outputs; j++) biasSums[layer * outputs + j] += grads[row * outputs + j];
      });
      memory.dense(gradBias).set(biasSums);
    },
  };
}

/** Where the inputs of rows, the weights of their layers and the outputs lie that belong to one product of numbers. */
function forEachProduct(
  memory: Memory, ids: Dense<"i32">, [layers, outputs, inputs]: Shape,
  visit: (input: number, weight: number, output: number) => void,
): void {
  forEachId(memory, null, ids, layers, (layer, row) => {
    for (let j = 0; j < outputs; j++) {
      for (let i = 0; i < inputs; i++) visit(row * inputs + i, (layer * outputs + j) * inputs + i, row * outputs + j);
    }
  });
}
