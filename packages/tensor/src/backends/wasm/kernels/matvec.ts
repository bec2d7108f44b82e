import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";
import type { PackedOperand, Products } from "./gemm.ts";
import { offsetOf } from "./gemm.ts";
import { packedNumbers, readTimes } from "./packed.ts";

/** The largest number of rows for which the right operand is read where it lies, once for all of them. */
const maxRows = 8;
/** Nanoseconds for an element of f32 that is read where it lies. */
const readTime = 0.2;

/** Whether it is best to read the right operand where it lies: along an axis along which its elements are contiguous. */
export function takesMatvec({ a, b, storage, rows, inner }: Products): boolean {
  if (rows > maxRows) return false;
  if (storage) return b.rowStep === 0;
  return (a.columnStep === bytesPerElement || inner === 1) && (b.rowStep === bytesPerElement || b.columnStep === bytesPerElement);
}

/** Makes such products, and what follows them. Returns whether it could: see `multiplyPacked`. */
export function matvec(engine: Engine, products: Products): boolean {
  if (products.storage) return multiplyPacked(engine, products, products.storage);
  for (let index = 0; index < products.batch; index++) multiplyInPlace(engine, products, index);
  finish(engine, products);
  return true;
}

function multiplyInPlace(engine: Engine, { a, b, out, rows, inner, columns, add }: Products, index: number): void {
  const left = a.address + offsetOf(a, index, 0, 0);
  engine.divide(columns, { time: inner * readTime, multiple: 16 }, (start, count) => {
    const right = b.address + offsetOf(b, index, 0, start);
    const to = out.address + offsetOf(out, index, 0, start);
    return b.rowStep === bytesPerElement
      ? ["multiplyColumns", left, a.rowStep, right, b.columnStep, rows, inner, count, to, out.rowStep, add]
      : ["multiplyRows", left, a.rowStep, right, b.rowStep, rows, inner, count, to, out.rowStep, add];
  });
}

/** Makes what follows products, which are there, one behind the other. */
export function finish(engine: Engine, products: Products): void {
  const { out, batch, rows, columns, bias, activation, preactivation, residual } = products;
  if (!bias && !activation && !preactivation && !residual) return;
  engine.wasm.finishRows(out.address, batch * rows, columns, out.rowStep, bias, activation, preactivation, residual);
}

/**
 * Encodes the rows of `a` once, for all threads; these read parts of the weight where they lie. Returns false where codes
 * cannot hold a row, which is then to be multiplied as f32.
 */
function multiplyPacked(engine: Engine, products: Products, { dtype, scales }: PackedOperand): boolean {
  const { a, b, out, rows, inner, columns, bias, activation, preactivation, residual } = products;
  const { wasm } = engine;
  const format = packedNumbers[dtype];
  return engine.withScratch(rows * wasm.encodedRowBytes(format, inner), (encoded) => {
    if (!wasm.encodeRows(format, a.address, a.rowStep, rows, inner, encoded)) return false;
    engine.withThreadScratch(wasm.multiplyPackedScratch(inner), (scratch, threadStep) => {
      engine.divide(columns, { time: inner * rows * readTimes[dtype], multiple: 16, threadStep }, (start, count) => {
        const at = start * bytesPerElement;
        return [
          "multiplyPacked", format, encoded, rows, inner, b.address + start * b.columnStep, b.columnStep,
          scales.address + start * scales.columnStep, scales.columnStep, count, out.address + at, out.rowStep,
          bias && bias + at, activation, preactivation && preactivation + at, residual && residual + at, scratch,
        ];
      });
    });
    return true;
  });
}
