import type { IndexingKernels } from "../../../contract/index.ts";
import { idOutOfRange } from "../../../index-errors.ts";
import type { Memory } from "../memory.ts";

export function indexing(memory: Memory): IndexingKernels {
  return {
    gatherRows({ table, ids, out }) {
      const [entries, width] = table.shape;
      const rows = memory.dense(table);
      const indices = memory.dense(ids);
      const result = memory.dense(out);
      indices.forEach((id, i) => {
        if (id < 0 || id >= entries) throw idOutOfRange(id, i, entries);
        result.set(rows.subarray(id * width, (id + 1) * width), i * width);
      });
    },

    scatterAddRows({ ids, grad, out }) {
      const [entries, width] = out.shape;
      const grads = memory.dense(grad);
      const result = memory.dense(out);
      memory.dense(ids).forEach((id, i) => {
        if (id < 0 || id >= entries) return;
        for (let j = 0; j < width; j++) result[id * width + j] += grads[i * width + j];
      });
    },
  };
}
