import {
  attention, layerNorm, matmul, reshape, scope, slice, softmax, tensor, transpose, useBackend,
} from "@gpt/tensor";
import type { Tensor } from "@gpt/tensor";
import { webgpu } from "@gpt/tensor/webgpu";
import { inputsOf } from "../models/work.ts";
import type { Input, Work } from "../models/work.ts";
import type { GPUContender } from "./contender.ts";

export async function open(): Promise<GPUContender> {
  const backend = await webgpu();
  useBackend(backend);
  return {
    version: backend.adapter,
    prepare(work) {
      const inputs = inputsFor(work).map(({ shape, values }) => tensor(values, { shape }));
      const compute = computationOf(work, inputs);
      let out: Tensor | undefined;
      return Promise.resolve({
        async run(times) {
          for (let i = 0; i < times; i++) {
            out?.dispose();
            out = scope(compute);
          }
          // All that was recorded before it is done when one number is there.
          const one = scope(() => slice(reshape(out as Tensor, [-1]), 0, 0, 1));
          await one.item();
          one.dispose();
        },
        result: () => (out as Tensor).data(),
        dispose: () => [...inputs, out].forEach((x) => x?.dispose()),
      });
    },
  };
}

/** Attention takes queries, keys and values side by side. */
function inputsFor(work: Work): Pick<Input, "shape" | "values">[] {
  const inputs = inputsOf(work);
  if (work.kind !== "attention") return inputs;
  const width = work.heads * work.headDim;
  const values = new Float32Array(3 * work.tokens * width);
  for (let token = 0; token < work.tokens; token++) {
    for (const [i, input] of inputs.entries()) {
      values.set(input.values.subarray(token * width, (token + 1) * width), (3 * token + i) * width);
    }
  }
  return [{ shape: [work.tokens, 3 * width], values }];
}

function computationOf(work: Work, [x, second, third]: readonly Tensor[]): () => Tensor {
  switch (work.kind) {
    case "product":
      return () => matmul(x, work.transposeB ? transpose(second) : second);
    case "softmax":
      return () => softmax(x);
    case "layerNorm":
      return () => layerNorm(x, second, third);
    case "attention":
      return () => attention(x, { heads: work.heads, headDim: work.headDim });
  }
}
