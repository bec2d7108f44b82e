import type { SamplingKernels } from "../../../contract/index.ts";
import { drawIndex } from "../../../sampling.ts";
import type { Memory } from "../memory.ts";

export function sampling(memory: Memory): SamplingKernels {
  return {
    sample({ logits, uniforms, settings, out }) {
      const [rows, width] = logits.shape;
      const xs = memory.dense(logits);
      const random = memory.dense(uniforms);
      const result = memory.dense(out);
      for (let row = 0; row < rows; row++) {
        const scores = xs.subarray(row * width, (row + 1) * width);
        const largest = scores.reduce((a, b) => Math.max(a, b));
        const { temperature, ...filters } = settings[settings.length > 1 ? row : 0];
        const weights = scores.map((score) => Math.exp((score - largest) / temperature));
        result[row] = temperature === 0 ? Math.max(scores.indexOf(largest), 0) : drawIndex(weights, filters, random[row]);
      }
    },
  };
}
