import { bytesPerElement } from "../../../dtype.ts";
import { base64 as relaxed } from "../../../generated/native-relaxed.ts";
import { base64 as simd } from "../../../generated/native-simd.ts";
import { script } from "../../../generated/native-worker-script.ts";
import { blockColumns } from "../../../weight-format.ts";
import { offsetOf } from "../kernels/gemm.ts";
import type { Matrices, Products } from "../kernels/gemm.ts";
import { packedNumbers } from "../kernels/packed.ts";
import { declareMemory, fromBase64 } from "../runtime/build.ts";
import type { Engine } from "../runtime/engine.ts";
import type { ProductProvider } from "../runtime/provider.ts";
import type { KernelCall } from "../runtime/thread-pool.ts";
import { attendsByProducts, blockScratch } from "./attention.ts";
import type { Found } from "./find.ts";
import { nativeKernels } from "./kernels.ts";
import type { NativeAssignment } from "./worker.ts";

/** Multiply-adds of a product from which on the library is faster than the kernels here, twice as fast right from there. */
const smallestProduct = 12 ** 3;
/** Nanoseconds to multiply and add. */
const productTime = 0.012;
/**
 * The most blocks of a thread, and the nanoseconds that a block must take for a thread to have several: then a thread that is
 * held up takes fewer. Smaller blocks pack more: four blocks of 1024³ take a tenth longer than one.
 */
const [maxBlocksOfThread, longBlock] = [4, 5e6];
/** The least rows or columns of a block. */
const minBlock = 64;
/** Blocks and panels begin at multiples of it: whole vectors, and whole blocks of packed weights. */
const blockMultiple = blockColumns;
/** Elements of a packed weight that are unpacked at once: about what the second cache holds. */
const panelElements = 2 ** 19;

/** A matrix as a BLAS takes it. */
interface Operand {
  readonly transposed: boolean;
  /** Bytes between its rows as they lie. */
  readonly row: number;
}

/**
 * Makes products by a library which computes on the thread that calls it: products are cut into blocks, which the threads
 * share as they share all work, and what follows a block is done by the same call. `smallest` is for tests.
 */
export function libraryProducts({ library, place }: Found, smallest = smallestProduct): ProductProvider {
  return {
    name: library.name,
    kernelsOn(exports, memory) {
      const binary = fromBase64(exports.relaxed.value ? relaxed : simd);
      declareMemory(binary, memory);
      const module = new WebAssembly.Module(binary);
      const from: NativeAssignment = { place, module };
      library.askForLargePages(memory);
      return { kernels: nativeKernels(exports, module, memory, library.productOn(memory)), added: { script, from } };
    },

    attends: (sequence) => attendsByProducts(sequence, smallest === smallestProduct ? undefined : smallest),
    attentionScratch: blockScratch,

    multiply(engine, products) {
      const { a, b, storage, rows, inner, columns } = products;
      if (rows * inner * columns < smallest) return false;
      const left = operandOf(a, rows, inner);
      if (!left) return false;
      if (storage) {
        if (products.batch !== 1 || products.add) return false;
        multiplyUnpacked(engine, products, storage, left);
        return true;
      }
      const right = operandOf(b, inner, columns);
      if (right) multiplyDense(engine, products, left, right);
      return right !== undefined;
    },
  };
}

/** Undefined for matrices whose elements do not follow one another on any axis, or whose rows overlap. */
function operandOf({ rowStep, columnStep }: Matrices, rows: number, columns: number): Operand | undefined {
  const lies = (step: number, length: number, width: number): boolean => length === 1 || step >= width * bytesPerElement;
  const rowOf = (step: number, width: number): number => Math.max(step, width * bytesPerElement);
  if ((columnStep === bytesPerElement || columns === 1) && lies(rowStep, rows, columns)) {
    return { transposed: false, row: rowOf(rows === 1 ? 0 : rowStep, columns) };
  }
  if ((rowStep === bytesPerElement || rows === 1) && lies(columnStep, columns, rows)) {
    return { transposed: true, row: rowOf(columns === 1 ? 0 : columnStep, rows) };
  }
  return undefined;
}

/** A part of the result, where it begins. */
interface Block {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
}

function multiplyDense(engine: Engine, products: Products, left: Operand, right: Operand): void {
  const { a, b, out, batch, rows, inner, columns, add, bias, activation, preactivation, residual } = products;
  const time = batch * rows * inner * columns * productTime;
  const blocks = blocksOf(products, Math.ceil(blocksFor(engine, time) / batch));
  const calls: KernelCall[] = [];
  for (let product = 0; product < batch; product++) {
    for (const { row, column, rows, columns } of blocks) {
      const offset = offsetOf(out, product, row, column);
      calls.push([
        "multiplyDense", left.transposed, right.transposed, rows, columns, inner,
        a.address + offsetOf(a, product, row, 0), left.row, b.address + offsetOf(b, product, 0, column), right.row, add,
        out.address + offset, out.rowStep,
        bias && bias + column * bytesPerElement, activation, preactivation && preactivation + offset, residual && residual + offset,
      ]);
    }
  }
  engine.run(calls, time);
}

function multiplyUnpacked(engine: Engine, products: Products, { dtype, scales }: NonNullable<Products["storage"]>, left: Operand): void {
  const { a, b, out, rows, inner, columns, bias, activation, preactivation, residual } = products;
  const time = rows * inner * columns * productTime;
  const alongInner = b.rowStep !== 0;
  // Each block of rows would unpack the weight again.
  const blocks = blocksOf({ rows, columns, isCutByRows: false }, blocksFor(engine, time));
  const width = Math.ceil((alongInner ? blocks[0].columns : inner) / blockColumns) * blockColumns;
  const lines = Math.max(1, Math.floor(panelElements / width / blockMultiple)) * blockMultiple;
  engine.withThreadScratch(Math.min(lines, alongInner ? inner : columns) * width * bytesPerElement, (panel, threadStep) => {
    const calls = blocks.map(({ row, column, rows, columns }): KernelCall => {
      const offset = offsetOf(out, 0, row, column);
      const skipped = alongInner ? 0 : column;
      return [
        "multiplyUnpacked", left.transposed, alongInner, rows, columns, inner,
        a.address + offsetOf(a, 0, row, 0), left.row, packedNumbers[dtype],
        b.address + skipped * b.columnStep, b.rowStep + b.columnStep,
        scales.address + skipped * scales.columnStep, scales.rowStep + scales.columnStep,
        alongInner ? column / blockColumns : 0, out.address + offset, out.rowStep,
        bias && bias + column * bytesPerElement, activation, preactivation && preactivation + offset, residual && residual + offset,
        lines, panel,
      ];
    });
    engine.run(calls, time, threadStep);
  });
}

/** How many blocks work is cut into which takes this long. */
function blocksFor(engine: Engine, nanoseconds: number): number {
  const { threads } = engine;
  const ofThread = Math.min(maxBlocksOfThread, Math.max(1, Math.floor(nanoseconds / threads / longBlock)));
  return Math.max(1, Math.min(engine.partsOf(nanoseconds), threads * ofThread));
}

/** The size of a result, and whether it may be cut by rows. */
interface Size {
  readonly rows: number;
  readonly columns: number;
  readonly isCutByRows?: boolean;
}

/**
 * Cuts a result into about the wanted number of blocks. A call packs its part of both operands: the grid is taken that packs
 * the fewest elements.
 */
function blocksOf({ rows, columns, isCutByRows = true }: Size, wanted: number): Block[] {
  let best = { rows, columns, count: 0, packed: Infinity };
  for (let down = 1; down <= (isCutByRows ? wanted : 1); down++) {
    const [height, width] = [blockLength(rows, down), blockLength(columns, Math.ceil(wanted / down))];
    const [high, wide] = [Math.ceil(rows / height), Math.ceil(columns / width)];
    const [count, packed] = [Math.min(high * wide, wanted), rows * wide + columns * high];
    if (count > best.count || (count === best.count && packed < best.packed)) best = { rows: height, columns: width, count, packed };
  }
  const blocks: Block[] = [];
  for (let row = 0; row < rows; row += best.rows) {
    for (let column = 0; column < columns; column += best.columns) {
      blocks.push({ row, column, rows: Math.min(best.rows, rows - row), columns: Math.min(best.columns, columns - column) });
    }
  }
  return blocks;
}

/** The length of blocks when about `count` of them make up an axis. */
function blockLength(length: number, count: number): number {
  const even = Math.ceil(length / count / blockMultiple) * blockMultiple;
  return Math.min(length, Math.max(even, minBlock));
}
