import { scope } from "../core/scope.ts";
import type { Weight } from "../core/packed-weight.ts";
import { PackedWeight } from "../core/packed-weight.ts";
import { record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { formatShape } from "../shape.ts";
import { checkDType, checkOperands, dense, shapeError, viewAs } from "./operands.ts";
import { embeddingPacked } from "./weights.ts";

/**
 * Rows of a table by id: `table` is `[entries, width]`, `ids` of any shape, the result `[…ids.shape, width]`. An id
 * outside the table throws where the backend can see it in time (cpu, wasm); elsewhere its row is NaN. A stored table has
 * no gradient.
 */
export function embedding(table: Weight, ids: Tensor<"i32">): Tensor {
  checkDType("embedding", ids, "i32");
  if (table instanceof PackedWeight) {
    checkOperands("embedding", table.values, ids);
    return embeddingPacked(table, ids);
  }
  checkDType("embedding", table, "f32");
  checkOperands("embedding", table, ids);
  if (table.rank !== 2) throw shapeError("embedding", `the table is ${formatShape(table.shape)}, not [entries, width]`);
  const [entries, width] = table.shape;
  return scope(() => {
    const out = Tensor.allocate(table.backend, "f32", [...ids.shape, width]);
    const flat = dense(ids);
    if (out.size > 0) {
      out.backend.kernels.gatherRows({
        table: dense(table),
        ids: viewAs(flat, ids.size),
        out: viewAs(out, ids.size, width),
      });
    }
    return record("embedding", [table], out, [flat], ({ grad, saved: [ids], accumulator }) => {
      const existing = accumulator(0);
      const target = existing ?? Tensor.allocate(grad.backend, "f32", [entries, width]);
      const { kernels } = grad.backend;
      existing?.overwrite("embedding");
      if (!existing && target.size > 0) kernels.fill({ value: 0, out: target });
      if (grad.size > 0) {
        kernels.scatterAddRows({ ids: viewAs(ids, ids.size), grad: viewAs(dense(grad), ids.size, width), out: target });
      }
      return [existing ? undefined : target];
    });
  });
}
