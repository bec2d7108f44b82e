import type { Activation, MatmulKernels } from "../../contract/index.ts";
import { bytesPerElement } from "../../dtype.ts";
import type { WasmExports } from "../../generated/wasm-exports.ts";
import type { Engine } from "./engine.ts";

/** A matrix in memory. Steps in bytes. */
interface Matrix {
  readonly address: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** `out = a · b`, or `out += a · b`, of `[rows, inner]` and `[inner, columns]`; `out` is dense. */
interface Product {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly out: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly add: boolean;
}

/** What is done to the rows of a product. Addresses, 0 where there is none. */
interface Finish {
  readonly bias: number;
  readonly activation: number;
  readonly preactivation: number;
  readonly residual: number;
}

/**
 * The largest blocks that are packed: a panel of each operand fits the first cache, both blocks the second. One call of
 * a kernel takes a left block at the most, so that the engine can change to optimised code soon.
 */
const blockInner = 256;
const blockColumns = 512;
const blockRows = 96;
/** Blocks are multiples of it, and so of the micro-kernel's rows and columns. */
const blockMultiple = 24;
/** Up to so many rows, columns that are contiguous are multiplied where they lie. */
const fewRows = 4;

/** The activations' numbers in `finishRows`. */
const activationNumbers: Record<Activation, number> = { gelu: 1, relu: 2 };

export function matmul(engine: Engine): MatmulKernels {
  return {
    matmul({ a, b, out, accumulate, bias, activation, preactivation, residual }) {
      const [, inner, columns] = b.shape;
      let [batch, rows] = a.shape;
      const [aBatch, aRow, aInner] = a.strides.map((stride) => stride * bytesPerElement);
      const [bBatch, bInner, bColumn] = b.strides.map((stride) => stride * bytesPerElement);
      // One matrix on the right for all on the left: then theirs are one.
      if (batch > 1 && bBatch === 0 && aBatch === rows * aRow) {
        rows *= batch;
        batch = 1;
      }
      const outBatch = rows * columns * bytesPerElement;
      const finishes = bias !== null || activation !== null || preactivation !== null || residual !== null;
      if (inner === 0 && !accumulate) engine.fill(0, out);
      for (let index = 0; index < batch; index++) {
        const at = (operand: typeof bias): number => (operand ? engine.address(operand) + index * outBatch : 0);
        multiply(
          engine,
          {
            a: { address: engine.address(a) + index * aBatch, rowStep: aRow, columnStep: aInner },
            b: { address: engine.address(b) + index * bBatch, rowStep: bInner, columnStep: bColumn },
            out: at(out),
            rows,
            inner,
            columns,
            add: accumulate,
          },
          finishes && {
            bias: bias ? engine.address(bias) : 0,
            activation: activation ? activationNumbers[activation] : 0,
            preactivation: at(preactivation),
            residual: at(residual),
          },
        );
      }
    },
  };
}

function multiply(engine: Engine, product: Product, finish: Finish | false): void {
  if (product.inner > 0 && !multiplyInPlace(engine.wasm, product)) multiplyByBlocks(engine, product, finish);
  else if (finish) finishBlock(engine.wasm, product, finish, 0, product.rows, 0, product.columns);
}

/** Products of few rows, which read `b` once where it lies; false where another way is better. */
function multiplyInPlace(wasm: WasmExports, { a, b, out, rows, inner, columns, add }: Product): boolean {
  if (a.columnStep !== bytesPerElement && inner > 1) return false;
  if (rows <= fewRows && b.rowStep === bytesPerElement) {
    const outStep = columns * bytesPerElement;
    wasm.multiplyColumns(a.address, a.rowStep, b.address, b.columnStep, rows, inner, columns, out, outStep, add);
    return true;
  }
  if (rows === 1 && b.columnStep === bytesPerElement) {
    wasm.multiplyRows(a.address, b.address, b.rowStep, inner, columns, out, add);
    return true;
  }
  return false;
}

/** The loops around the micro-kernel: blocks of columns, of the inner axis, of rows. */
function multiplyByBlocks(engine: Engine, product: Product, finish: Finish | false): void {
  const { a, b, out, rows, inner, columns, add } = product;
  const { wasm } = engine;
  const innerStep = evenBlock(inner, blockInner);
  const columnsStep = evenBlock(columns, blockColumns);
  const rowsStep = evenBlock(rows, blockRows);
  const outStep = columns * bytesPerElement;
  const rightBytes = wasm.packedRightBytes(innerStep, columnsStep);
  const leftBytes = wasm.packedLeftBytes(rowsStep, innerStep);
  engine.withScratch(rightBytes + leftBytes + Number(wasm.tileBytes.value), (right) => {
    const left = right + rightBytes;
    const edgeTile = left + leftBytes;
    for (let j = 0; j < columns; j += columnsStep) {
      const n = Math.min(columnsStep, columns - j);
      for (let k = 0; k < inner; k += innerStep) {
        const depth = Math.min(innerStep, inner - k);
        const last = k + depth === inner;
        wasm.packRight(b.address + k * b.rowStep + j * b.columnStep, b.rowStep, b.columnStep, depth, n, right);
        for (let i = 0; i < rows; i += rowsStep) {
          const m = Math.min(rowsStep, rows - i);
          wasm.packLeft(a.address + i * a.rowStep + k * a.columnStep, a.rowStep, a.columnStep, m, depth, left);
          const to = out + i * outStep + j * bytesPerElement;
          wasm.multiplyPacked(left, right, to, m, depth, n, outStep, add || k > 0, edgeTile);
          if (finish && last) finishBlock(wasm, product, finish, i, m, j, n);
        }
      }
    }
  });
}

/** Finishes `[m, n]` of the result from row `i` and column `j`, while it is in the cache. */
function finishBlock(
  wasm: WasmExports, { out, columns }: Product, finish: Finish, i: number, m: number, j: number, n: number,
): void {
  const { bias, activation, preactivation, residual } = finish;
  const rowStep = columns * bytesPerElement;
  const start = i * rowStep + j * bytesPerElement;
  wasm.finishRows(
    out + start, m, n, rowStep, bias && bias + j * bytesPerElement, activation, preactivation && preactivation + start,
    residual && residual + start,
  );
}

/** The size of blocks of nearly equal sizes, about `largest` at the most. */
function evenBlock(length: number, largest: number): number {
  const even = length / Math.ceil(length / largest);
  return Math.min(Math.ceil(even / blockMultiple) * blockMultiple, length);
}
