import type { IndexingKernels } from "../../../contract/index.ts";
import { idOutOfRange } from "../../../index-errors.ts";
import type { Memory } from "../memory.ts";

export function indexing(memory: Memory): IndexingKernels {
  return {
    gatherRows({ table, ids, out, op }) {
      const [, entries, width] = table.shape;
      const [, count] = ids.shape;
      const rows = memory.dense(table);
      const result = memory.dense(out);
      memory.dense(ids).forEach((id, i) => {
        if (id < 0 || id >= entries) throw idOutOfRange(op, id, i, entries);
        const from = (Math.floor(i / count) * entries + id) * width;
        result.set(rows.subarray(from, from + width), i * width);
      });
    },

    scatterAddRows({ ids, grad, out, op }) {
      const [, entries, width] = out.shape;
      const [, count] = ids.shape;
      const grads = memory.dense(grad);
      const result = memory.dense(out);
      memory.dense(ids).forEach((id, i) => {
        if (id < 0 || id >= entries) {
          if (op !== null) throw idOutOfRange(op, id, i, entries);
          return;
        }
        const to = (Math.floor(i / count) * entries + id) * width;
        for (let j = 0; j < width; j++) result[to + j] += grads[i * width + j];
      });
    },
  };
}
