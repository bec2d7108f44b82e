import { bytesPerElement } from "../../dtype.ts";
import type { Engine } from "./engine.ts";
import type { Products } from "./products.ts";
import { offsetOf } from "./products.ts";
import type { Call } from "./team.ts";

/** The largest blocks: a packed panel of each operand fits the first cache, both blocks the second. */
const largest = { rows: 96, inner: 256, columns: 512 };
/** Blocks are multiples of it, and so of the micro-kernel's rows and columns. */
const blockMultiple = 24;
/** Blocks of the result that each of several threads should have; for that they are cut, down to so few columns. */
const blocksOfThread = 8;
const leastColumns = 64;
/** Elements of each operand that are packed at once: they fit the last cache. */
const chunkElements = 2 ** 20;
/** Nanoseconds to multiply and add, and to pack an element. */
const [productTime, packTime] = [0.036, 0.4];

/** How much of each axis is taken at once. */
interface Sizes {
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** A part of the products of which both operands are packed at once: where it begins, and how large it is. */
interface Chunk extends Sizes {
  readonly product: number;
  readonly row: number;
  readonly k: number;
  readonly column: number;
  /** The addresses of the packed operands, and the bytes of one of them in a product. */
  readonly left: number;
  readonly leftStep: number;
  readonly right: number;
  readonly rightStep: number;
}

/**
 * Chunk by chunk, packs both operands, then multiplies each block of rows with each block of columns. Only the blocks
 * of the inner axis decide about the bits of the result, and these are the same for any number of threads.
 */
export function multiplyByBlocks(engine: Engine, products: Products): void {
  const blocks = chooseBlocks(products, engine.threads);
  const most = chooseChunks(products, blocks);
  const { wasm } = engine;
  const leftBytes = most.batch * wasm.packedLeftBytes(most.rows, most.inner);
  const rightBytes = most.batch * wasm.packedRightBytes(most.inner, most.columns);
  engine.withScratch(leftBytes + rightBytes, (left) => {
    for (let product = 0; product < products.batch; product += most.batch) {
      for (let k = 0; k < products.inner; k += most.inner) {
        for (let row = 0; row < products.rows; row += most.rows) {
          for (let column = 0; column < products.columns; column += most.columns) {
            const batch = Math.min(most.batch, products.batch - product);
            const rows = Math.min(most.rows, products.rows - row);
            const inner = Math.min(most.inner, products.inner - k);
            const columns = Math.min(most.columns, products.columns - column);
            const leftStep = wasm.packedLeftBytes(rows, inner);
            const rightStep = wasm.packedRightBytes(inner, columns);
            const packed = { left, leftStep, right: left + leftBytes, rightStep };
            const chunk = { product, row, k, column, batch, rows, inner, columns, ...packed };
            packChunk(engine, products, blocks, chunk);
            multiplyChunk(engine, products, blocks, chunk);
          }
        }
      }
    }
  });
}

/** Packs both operands; the left one stays while columns go by. */
function packChunk(engine: Engine, { a, b }: Products, blocks: Sizes, chunk: Chunk): void {
  const { product, row, k, column, batch, rows, inner, columns, left, leftStep, right, rightStep } = chunk;
  const lines = (column === 0 ? rows : 0) + columns;
  const calls: Call[] = [];
  for (let index = 0; index < batch; index++) {
    for (let i = 0; column === 0 && i < rows; i += blocks.rows) {
      const from = a.address + offsetOf(a, product + index, row + i, k);
      const to = left + index * leftStep + i * inner * bytesPerElement;
      calls.push(["packLeft", from, a.rowStep, a.columnStep, Math.min(blocks.rows, rows - i), inner, to]);
    }
    for (let j = 0; j < columns; j += blocks.columns) {
      const from = b.address + offsetOf(b, product + index, k, column + j);
      const to = right + index * rightStep + j * inner * bytesPerElement;
      calls.push(["packRight", from, b.rowStep, b.columnStep, inner, Math.min(blocks.columns, columns - j), to]);
    }
  }
  engine.run(calls, batch * inner * lines * packTime);
}

/** Multiplies what is packed, and finishes the result with the last of the inner axis, while it is in the cache. */
function multiplyChunk(engine: Engine, products: Products, blocks: Sizes, chunk: Chunk): void {
  const { product, row, k, column, batch, rows, inner, columns, left, leftStep, right, rightStep } = chunk;
  const { out, add, bias, activation, preactivation, residual } = products;
  const last = k + inner === products.inner;
  engine.withThreadScratch(Number(engine.wasm.tileBytes.value), (edgeTile, threadStep) => {
    const calls: Call[] = [];
    for (let index = 0; index < batch; index++) {
      for (let j = 0; j < columns; j += blocks.columns) {
        for (let i = 0; i < rows; i += blocks.rows) {
          const offset = offsetOf(out, product + index, row + i, column + j);
          calls.push([
            "multiplyBlock",
            left + index * leftStep + i * inner * bytesPerElement,
            right + index * rightStep + j * inner * bytesPerElement,
            out.address + offset, Math.min(blocks.rows, rows - i), inner, Math.min(blocks.columns, columns - j),
            blocks.inner, out.rowStep, add || k > 0,
            last && bias ? bias + (column + j) * bytesPerElement : 0,
            last ? activation : 0,
            last && preactivation ? preactivation + offset : 0,
            last && residual ? residual + offset : 0,
            engine.revectorized,
            edgeTile,
          ]);
        }
      }
    }
    engine.run(calls, batch * rows * inner * columns * productTime, threadStep);
  });
}

/** Blocks of nearly equal sizes. Where threads would have too few of them, there are more, of fewer columns. */
function chooseBlocks({ batch, rows, inner, columns }: Products, threads: number): Sizes {
  const rowsOfBlock = evenBlock(rows, largest.rows);
  const strips = batch * Math.ceil(rows / rowsOfBlock);
  const wanted = threads === 1 ? 1 : threads * blocksOfThread;
  let most = largest.columns;
  while (strips * Math.ceil(columns / most) < wanted && most > leastColumns) most /= 2;
  return { batch: 1, rows: rowsOfBlock, inner: evenBlock(inner, largest.inner), columns: evenBlock(columns, most) };
}

/** As much as fits of the rows, of the columns, then of the inner axis, then of the products. */
function chooseChunks({ batch, rows, inner, columns }: Products, blocks: Sizes): Sizes {
  const fitting = (length: number, block: number, others: number): number =>
    Math.min(length, Math.max(1, Math.floor(chunkElements / (block * others))) * block);
  const sizes = {
    rows: fitting(rows, blocks.rows, blocks.inner),
    columns: fitting(columns, blocks.columns, blocks.inner),
  };
  const lines = Math.max(sizes.rows, sizes.columns);
  const depth = fitting(inner, blocks.inner, lines);
  const isWhole = sizes.rows === rows && sizes.columns === columns && depth === inner;
  return { ...sizes, inner: depth, batch: isWhole ? fitting(batch, 1, lines * inner) : 1 };
}

/** The size of blocks of nearly equal sizes, about `most` at the most. */
function evenBlock(length: number, most: number): number {
  const even = length / Math.ceil(length / most);
  return Math.min(Math.ceil(even / blockMultiple) * blockMultiple, length);
}
