import type { MatmulKernels } from "../../../contract/index.ts";
import type { Engine } from "../runtime/engine.ts";
import { gemmBlocked } from "./gemm-blocked.ts";
import type { Products } from "./gemm.ts";
import { denseMatrices, matricesOf, noEpilogue } from "./gemm.ts";
import { finish, matvec, takesMatvec } from "./matvec.ts";

export function matmul(engine: Engine): MatmulKernels {
  return {
    matmul({ a, b, out, accumulate }) {
      const [, inner, columns] = b.shape;
      let [batch, rows] = a.shape;
      const [left, right] = [matricesOf(engine, a), matricesOf(engine, b)];
      // One matrix on the right for all on the left: then theirs are one.
      if (batch > 1 && right.batchStep === 0 && left.batchStep === rows * left.rowStep) {
        rows *= batch;
        batch = 1;
      }
      const to = denseMatrices(engine, out, [rows, columns]);
      multiply(engine, { ...noEpilogue, a: left, b: right, storage: null, out: to, batch, rows, inner, columns, add: accumulate });
    },
  };
}

/** Makes products, and what follows them. */
export function multiply(engine: Engine, products: Products): void {
  const { out, batch, rows, inner, columns, add } = products;
  const size = batch * rows * columns;
  if (size === 0) return;
  if (inner === 0) {
    if (!add) engine.fill(0, { buffer: out.address, offset: 0, shape: [size], strides: [1], dtype: "f32" });
    finish(engine, products);
  } else if (!takesMatvec(products) || !matvec(engine, products)) {
    if (!engine.products?.multiply(engine, products)) gemmBlocked(engine, products);
  }
}
