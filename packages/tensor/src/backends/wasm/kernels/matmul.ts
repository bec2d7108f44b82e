import type { MatmulKernels, View } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";
import { gemmBlocked } from "./gemm-blocked.ts";
import type { Matrices, Products } from "./gemm.ts";
import { epilogueOf, offsetOf } from "./gemm.ts";

/** The largest number of rows for which `b` is read where it lies, along whichever axis its elements are contiguous. */
export const maxMatvecRows = 8;
/** Nanoseconds for an element of the right operand that is read where it lies. */
const readTime = 0.2;

export function matmul(engine: Engine): MatmulKernels {
  return {
    matmul({ a, b, out, accumulate, ...epilogue }) {
      const [, inner, columns] = b.shape;
      let [batch, rows] = a.shape;
      const [left, right] = [matrices(engine, a), matrices(engine, b)];
      // One matrix on the right for all on the left: then theirs are one.
      if (batch > 1 && right.batchStep === 0 && left.batchStep === rows * left.rowStep) {
        rows *= batch;
        batch = 1;
      }
      const rowStep = columns * bytesPerElement;
      const products: Products = {
        a: left,
        b: right,
        storage: null,
        out: { address: engine.address(out), batchStep: rows * rowStep, rowStep, columnStep: bytesPerElement },
        batch,
        rows,
        inner,
        columns,
        add: accumulate,
        ...epilogueOf(engine, epilogue),
      };
      if (rows === 0 || columns === 0) return;
      if (inner === 0 && !accumulate) engine.fill(0, out);
      if (inner > 0 && !multipliesInPlace(products)) {
        gemmBlocked(engine, products);
        return;
      }
      for (let index = 0; index < batch; index++) {
        if (inner > 0) multiplyInPlace(engine, products, index);
        finish(engine, products, index);
      }
    },
  };
}

/** Whether there are so few rows that it is best to read `b` once, where it lies. */
function multipliesInPlace({ a, b, rows, inner }: Products): boolean {
  if (a.columnStep !== bytesPerElement && inner > 1) return false;
  return rows <= maxMatvecRows && (b.rowStep === bytesPerElement || b.columnStep === bytesPerElement);
}

function multiplyInPlace(engine: Engine, products: Products, index: number): void {
  const { a, b, out, rows, inner, columns, add } = products;
  const left = a.address + offsetOf(a, index, 0, 0);
  engine.divide(columns, { time: inner * readTime, multiple: 16 }, (start, count) => {
    const right = b.address + offsetOf(b, index, 0, start);
    const to = out.address + offsetOf(out, index, 0, start);
    return b.rowStep === bytesPerElement
      ? ["multiplyColumns", left, a.rowStep, right, b.columnStep, rows, inner, count, to, out.rowStep, add]
      : ["multiplyRows", left, a.rowStep, right, b.rowStep, rows, inner, count, to, out.rowStep, add];
  });
}

/** Makes what follows product `index`, which was made in place. */
function finish(engine: Engine, products: Products, index: number): void {
  const { out, rows, columns, bias, activation, preactivation, residual } = products;
  if (!bias && !activation && !preactivation && !residual) return;
  const start = index * out.batchStep;
  engine.wasm.finishRows(
    out.address + start, rows, columns, out.rowStep, bias, activation, preactivation && preactivation + start,
    residual && residual + start,
  );
}

function matrices(engine: Engine, view: View): Matrices {
  const [batchStep, rowStep, columnStep] = view.strides.map((stride) => stride * bytesPerElement);
  return { address: engine.address(view), batchStep, rowStep, columnStep };
}
