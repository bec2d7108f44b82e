import type { MatmulKernels, View } from "../../../contract/index.ts";
import type { Engine } from "../runtime/engine.ts";
import { noEpilogue } from "./epilogue.ts";
import { matvec, takesMatvec } from "./matvec.ts";
import { gemmTiled } from "./gemm-tiled.ts";
import { relaid } from "../runtime/split-bindings.ts";
import { fitting, matrixAxis } from "./gemm.ts";
import type { Products } from "./gemm.ts";
import { matrixVec4 } from "../wgsl/vec4.ts";

export function matmul(engine: Engine): MatmulKernels {
  return {
    matmul({ a, b, out, accumulate }) {
      const [batch, rows, inner] = a.shape;
      // One matrix on the right for all on the left: then theirs are one.
      if (batch > 1 && b.strides[0] === 0 && a.strides[0] === rows * a.strides[1]) {
        const columns = b.shape[2];
        const products: Products = {
          ...noEpilogue,
          accumulate,
          a: relaid(a, { shape: [1, batch * rows, inner], strides: [0, a.strides[1], a.strides[2]] }),
          out: relaid(out, { shape: [1, batch * rows, columns], strides: [0, columns, 1] }),
        };
        multiply(engine, products, relaid(b, { shape: [1, inner, columns] }));
      } else {
        multiply(engine, { ...noEpilogue, accumulate, a, out }, b);
      }
    },
  };
}

/** Makes products with a right operand of f32, `[batch, inner, columns]`, and what follows them. */
export function multiply(engine: Engine, products: Products, right: View): void {
  for (const part of fitting(engine, products, { b: right }, { b: [matrixAxis(products), "inner", "columns"] })) {
    const { out, preactivation } = part.products;
    const { b } = part.right;
    if (takesMatvec(part.products)) {
      matvec(engine, part.products, b);
    } else {
      const along = b.strides[2] === 1 ? "lines" : "inner";
      const written = [out, preactivation];
      const vec4s = matrixVec4("b", b, { lines: 2, lineCount: "values.columns", along, written });
      gemmTiled(engine, part.products, { name: "matmul", along, ...vec4s });
    }
  }
}
