import type { Dense, StoredView, WeightFormat, WeightKernels } from "../../contract/index.ts";
import { bytesPerElement } from "../../dtype.ts";
import { idOutOfRange } from "../../index-errors.ts";
import type { Engine } from "./engine.ts";
import { fewRows } from "./matmul.ts";
import { multiplyByBlocks } from "./multiply-by-blocks.ts";
import { epilogueOf } from "./products.ts";
import type { Matrices, Products, Storage } from "./products.ts";

/** The formats' numbers in `assembly/weights.ts`. */
const formatNumbers: Record<WeightFormat, number> = { f16: 1, bf16: 2, int8: 3, int4: 4 };
/** Nanoseconds for an element that is read where it lies, and for one that becomes f32. */
const [readTime, dequantizeTime] = [0.06, 0.4];

export function weights(engine: Engine): WeightKernels {
  return {
    linearStored({ x, weight, out, ...epilogue }) {
      const [rows, inner] = x.shape;
      const [columns] = weight.shape;
      const products: Products & { readonly storage: Storage } = {
        a: rowsOf(engine, x),
        ...rightOperand(engine, weight, "columnStep"),
        out: rowsOf(engine, out),
        batch: 1,
        rows,
        inner,
        columns,
        add: false,
        ...epilogueOf(engine, epilogue),
      };
      if (rows === 0 || columns === 0) return;
      if (rows > fewRows && inner > 0) {
        multiplyByBlocks(engine, products);
        return;
      }
      multiplyInPlace(engine, products);
    },

    linearStoredGradient({ grad, weight, out }) {
      const [rows, inner] = grad.shape;
      const [, columns] = weight.shape;
      if (rows === 0 || columns === 0) return;
      if (inner === 0) {
        engine.fill(0, out);
        return;
      }
      multiplyByBlocks(engine, {
        a: rowsOf(engine, grad),
        ...rightOperand(engine, weight, "rowStep"),
        out: rowsOf(engine, out),
        batch: 1,
        rows,
        inner,
        columns,
        add: false,
        ...epilogueOf(engine, { bias: null, activation: null, preactivation: null, residual: null }),
      });
    },

    gatherStored({ weight, ids, out }) {
      const [entries, width] = weight.shape;
      const [count] = ids.shape;
      const indices = engine.address(ids);
      const wrong = engine.wasm.firstOutside(indices, count, entries);
      if (wrong >= 0) throw idOutOfRange(engine.elements(ids)[wrong], wrong, entries);
      const { b, storage } = rightOperand(engine, weight, "rowStep");
      const to = engine.address(out);
      engine.withThreadScratch(blockBytes, (scratch, threadStep) => {
        engine.divide(count, { time: width * dequantizeTime, threadStep }, (start, some) => [
          "gatherStored", storage.format, b.address, b.rowStep, storage.scales.address, storage.scales.rowStep, width,
          indices + start * bytesPerElement, some, to + start * width * bytesPerElement, scratch,
        ]);
      });
    },
  };
}

/** Bytes of a block of 32 elements as f32. */
const blockBytes = 32 * bytesPerElement;

/** Encodes the rows of `a` once, for all threads. */
function multiplyInPlace(engine: Engine, products: Products & { readonly storage: Storage }): void {
  const { a, b, storage, out, rows, inner, columns, bias, activation, preactivation, residual } = products;
  const { format, scales } = storage;
  const { wasm } = engine;
  engine.withScratch(rows * wasm.encodedRowBytes(format, inner), (encoded) => {
    wasm.encodeRows(format, a.address, a.rowStep, rows, inner, encoded);
    engine.withThreadScratch(wasm.multiplyStoredScratch(inner), (scratch, threadStep) => {
      engine.divide(columns, { time: inner * rows * readTime, multiple: 16, threadStep }, (start, count) => {
        const at = start * bytesPerElement;
        return [
          "multiplyStored", format, encoded, rows, inner, b.address + start * b.columnStep, b.columnStep,
          scales.address + start * scales.columnStep, scales.columnStep, count, out.address + at, out.rowStep,
          bias && bias + at, activation, preactivation && preactivation + at, residual && residual + at, scratch,
        ];
      });
    });
  });
}

function rowsOf(engine: Engine, view: Dense): Matrices {
  const rowStep = view.shape[1] * bytesPerElement;
  return { address: engine.address(view), batchStep: 0, rowStep, columnStep: bytesPerElement };
}

/** A stored weight as the right operand of a product, of which its rows are the rows or the columns. */
function rightOperand(
  engine: Engine, weight: StoredView, rowsAre: "rowStep" | "columnStep",
): { b: Matrices; storage: Storage } {
  const { format, values, scales } = weight;
  const none = { batchStep: 0, rowStep: 0, columnStep: 0 };
  const stepOf = (rowLength: number): typeof none => ({ ...none, [rowsAre]: rowLength * bytesPerElement });
  return {
    b: { address: engine.address(values), ...stepOf(values.shape[1]) },
    storage: {
      format: formatNumbers[format],
      scales: scales
        ? { address: engine.address(scales), ...stepOf(scales.shape[1]) }
        : { address: 0, ...none },
    },
  };
}
