import type { Dense, PackedView, WeightFormat, WeightKernels } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import { idOutOfRange } from "../../../index-errors.ts";
import type { Engine } from "../runtime/engine.ts";
import { maxMatvecRows } from "./matmul.ts";
import { gemmBlocked } from "./gemm-blocked.ts";
import { epilogueOf, noEpilogue } from "./gemm.ts";
import type { Epilogue, Matrices, Products, PackedOperand } from "./gemm.ts";

/** The formats' numbers in `assembly/weights.ts`. */
export const formatNumbers: Record<WeightFormat, number> = { f16: 1, bf16: 2, int8: 3, int4: 4 };
/** Bytes of a block of 32 elements as f32. */
export const blockBytes = 32 * bytesPerElement;
/** Nanoseconds for an element that is read where it lies, by format, and for one that becomes f32. */
const readTimes: Record<WeightFormat, number> = { f16: 0.17, bf16: 0.13, int8: 0.07, int4: 0.055 };
const dequantizeTime = 0.4;

/** Products with a packed weight. */
interface PackedProducts extends Products {
  readonly storage: PackedOperand;
}

export function weights(engine: Engine): WeightKernels {
  return {
    linearPacked({ x, weight, out, ...epilogue }) {
      const products = packedProducts(engine, x, weight, "columnStep", out, epilogueOf(engine, epilogue));
      const { rows, inner, columns } = products;
      if (rows === 0 || columns === 0) return;
      if (rows > maxMatvecRows && inner > 0) gemmBlocked(engine, products);
      else multiplyInPlace(engine, products, readTimes[weight.format]);
    },

    linearPackedGradient({ grad, weight, out }) {
      const products = packedProducts(engine, grad, weight, "rowStep", out, noEpilogue);
      const { rows, inner, columns } = products;
      if (rows === 0 || columns === 0) return;
      if (inner === 0) engine.fill(0, out);
      else gemmBlocked(engine, products);
    },

    gatherPacked({ weight, ids, out }) {
      const [entries, width] = weight.shape;
      const [count] = ids.shape;
      const indices = engine.address(ids);
      const wrong = engine.wasm.firstOutside(indices, count, entries);
      if (wrong >= 0) throw idOutOfRange("embedding", engine.elements(ids)[wrong], wrong, entries);
      const { b, storage } = rightOperand(engine, weight, "rowStep");
      const to = engine.address(out);
      engine.withThreadScratch(blockBytes, (scratch, threadStep) => {
        engine.divide(count, { time: width * dequantizeTime, threadStep }, (start, some) => [
          "gatherPacked", storage.format, b.address, b.rowStep, storage.scales.address, storage.scales.rowStep, width,
          indices + start * bytesPerElement, some, to + start * width * bytesPerElement, scratch,
        ]);
      });
    },
  };
}

/**
 * Encodes the rows of `a` once, for all threads; these read parts of the weight where they lie. What codes cannot hold is
 * multiplied as f32.
 */
function multiplyInPlace(engine: Engine, products: PackedProducts, readTime: number): void {
  const { a, b, storage, out, rows, inner, columns, bias, activation, preactivation, residual } = products;
  const { format, scales } = storage;
  const { wasm } = engine;
  engine.withScratch(rows * wasm.encodedRowBytes(format, inner), (encoded) => {
    if (!wasm.encodeRows(format, a.address, a.rowStep, rows, inner, encoded)) return gemmBlocked(engine, products);
    engine.withThreadScratch(wasm.multiplyPackedScratch(inner), (scratch, threadStep) => {
      engine.divide(columns, { time: inner * rows * readTime, multiple: 16, threadStep }, (start, count) => {
        const at = start * bytesPerElement;
        return [
          "multiplyPacked", format, encoded, rows, inner, b.address + start * b.columnStep, b.columnStep,
          scales.address + start * scales.columnStep, scales.columnStep, count, out.address + at, out.rowStep,
          bias && bias + at, activation, preactivation && preactivation + at, residual && residual + at, scratch,
        ];
      });
    });
  });
}

function packedProducts(
  engine: Engine, left: Dense, weight: PackedView, axis: "rowStep" | "columnStep", out: Dense, epilogue: Epilogue,
): PackedProducts {
  const [rows, inner] = left.shape;
  const [, columns] = out.shape;
  const operands = { a: rowsOf(engine, left), ...rightOperand(engine, weight, axis), out: rowsOf(engine, out) };
  return { ...operands, batch: 1, rows, inner, columns, add: false, ...epilogue };
}

function rowsOf(engine: Engine, view: Dense): Matrices {
  const rowStep = view.shape[1] * bytesPerElement;
  return { address: engine.address(view), batchStep: 0, rowStep, columnStep: bytesPerElement };
}

/** A packed weight as the right operand of a product, of which its rows are the rows or the columns. */
function rightOperand(
  engine: Engine,
  { format, values, scales }: PackedView,
  axis: "rowStep" | "columnStep",
): Pick<PackedProducts, "b" | "storage"> {
  const along = (part: Dense<"i32"> | null): Matrices => ({
    address: part ? engine.address(part) : 0,
    batchStep: 0,
    rowStep: 0,
    columnStep: 0,
    [axis]: part ? part.shape[1] * bytesPerElement : 0,
  });
  return { b: along(values), storage: { format: formatNumbers[format], scales: along(scales) } };
}
