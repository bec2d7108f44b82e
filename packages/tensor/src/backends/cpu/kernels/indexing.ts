import type { Dense, IndexingKernels } from "../../../contract/index.ts";
import { idOutOfRange } from "../../../index-errors.ts";
import type { Memory } from "../memory.ts";

export function indexing(memory: Memory): IndexingKernels {
  return {
    gatherRows({ op, table, ids, out }) {
      const [, entries, width] = table.shape;
      const rows = memory.dense(table);
      const result = memory.dense(out);
      forEachId(memory, op, ids, entries, (row, i) => result.set(rows.subarray(row * width, (row + 1) * width), i * width));
    },

    scatterAddRows({ op, ids, grad, out }) {
      const [, entries, width] = out.shape;
      const grads = memory.dense(grad);
      const result = memory.dense(out);
      forEachId(memory, op, ids, entries, (row, i) => {
        for (let j = 0; j < width; j++) result[row * width + j] += grads[i * width + j];
      });
    },
  };
}

/** The row that each id of `[…, count]` names among `entries` rows for each `count` ids. Others are errors where `op` is given. */
export function forEachId(
  memory: Memory, op: string | null, ids: Dense<"i32">, entries: number, visit: (row: number, i: number) => void,
): void {
  const count = ids.shape.at(-1) ?? 1;
  memory.dense(ids).forEach((id, i) => {
    if (id >= 0 && id < entries) visit(Math.floor(i / count) * entries + id, i);
    else if (op !== null) throw idOutOfRange(op, id, i, entries);
  });
}
