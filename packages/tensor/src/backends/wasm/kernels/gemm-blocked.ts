import { bytesPerElement } from "../../../dtype.ts";
import type { Engine } from "../runtime/engine.ts";
import type { Products } from "./gemm.ts";
import { offsetOf } from "./gemm.ts";
import { packedNumbers } from "./packed.ts";
import type { KernelCall } from "../runtime/thread-pool.ts";

/**
 * The largest blocks. A panel of each operand fits the first cache; a packed layer of the right one, and what it
 * contributes to, the second.
 */
const largest = { rows: 512, inner: 256, columns: 256 };
/** Blocks are multiples of it, and so of the micro-kernel's rows and columns. */
const blockMultiple = 48;
/** Blocks of the result that each thread should have, and the smallest number of lines that blocks are cut to for it. */
const blocksOfThread = 8;
const min = { rows: 96, columns: 64 };
/** Rows of the left operand that a call packs, and elements of it that are packed at once: they fit the last cache. */
const packedRows = 96;
const chunkElements = 2 ** 20;
/** Nanoseconds to multiply and add, and to pack an element. */
const [productTime, packTime] = [0.036, 0.4];

/** How much of each axis a call takes. */
interface Block {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** A part of the products for which the left operand is packed at once: where it begins, and how large it is. */
interface Chunk {
  readonly product: number;
  readonly row: number;
  readonly k: number;
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  /** The address of the packed operand, and its bytes in one product. */
  readonly left: number;
  readonly leftStep: number;
}

/**
 * Chunk by chunk, packs the left operand, then multiplies each block of its rows with each block of columns, which packs
 * its part of the right operand by itself. Only the layers of the inner axis decide about the bits of the result, and
 * these are the same for any number of threads.
 */
export function gemmBlocked(engine: Engine, products: Products): void {
  const block = chooseBlock(products, engine.threads);
  const max = chooseChunk(products, block);
  const { wasm } = engine;
  engine.withScratch(max.batch * wasm.packedLeftBytes(max.rows, max.inner), (left) => {
    for (let product = 0; product < products.batch; product += max.batch) {
      for (let row = 0; row < products.rows; row += max.rows) {
        for (let k = 0; k < products.inner; k += max.inner) {
          const batch = Math.min(max.batch, products.batch - product);
          const rows = Math.min(max.rows, products.rows - row);
          const inner = Math.min(max.inner, products.inner - k);
          const leftStep = wasm.packedLeftBytes(rows, inner);
          const chunk = { product, row, k, batch, rows, inner, left, leftStep };
          packChunk(engine, products, chunk);
          multiplyChunk(engine, products, block, chunk);
        }
      }
    }
  });
}

function packChunk(engine: Engine, { a }: Products, chunk: Chunk): void {
  const { product, row, k, batch, rows, inner, left, leftStep } = chunk;
  const calls: KernelCall[] = [];
  for (let index = 0; index < batch; index++) {
    for (let i = 0; i < rows; i += packedRows) {
      const from = a.address + offsetOf(a, product + index, row + i, k);
      const to = left + index * leftStep + i * inner * bytesPerElement;
      calls.push(["packLeft", from, a.rowStep, a.columnStep, Math.min(packedRows, rows - i), inner, to]);
    }
  }
  engine.run(calls, batch * inner * rows * packTime);
}

/** Multiplies what is packed, and finishes the result with the last of the inner axis, while it is in the cache. */
function multiplyChunk(engine: Engine, products: Products, block: Block, chunk: Chunk): void {
  const { product, row, k, batch, rows, inner, left, leftStep } = chunk;
  const { b, storage, out, columns, add, bias, activation, preactivation, residual } = products;
  const { wasm } = engine;
  const last = k + inner === products.inner;
  const scratchBytes =
    Number(wasm.tileBytes.value) +
    wasm.packedRightBytes(block.inner, block.columns) +
    (storage ? wasm.packWeightsScratch(block.inner, block.columns) : 0);
  engine.withThreadScratch(scratchBytes, (scratch, threadStep) => {
    const calls: KernelCall[] = [];
    for (let index = 0; index < batch; index++) {
      for (let j = 0; j < columns; j += block.columns) {
        const right = b.address + offsetOf(b, product + index, k, j);
        const scales = storage ? storage.scales.address + offsetOf(storage.scales, product + index, k, j) : 0;
        for (let i = 0; i < rows; i += block.rows) {
          const offset = offsetOf(out, product + index, row + i, j);
          calls.push([
            "multiplyBlock",
            left + index * leftStep + i * inner * bytesPerElement, right, b.rowStep, b.columnStep,
            storage ? packedNumbers[storage.dtype] : 0, scales, storage ? storage.scales.rowStep + storage.scales.columnStep : 0,
            b.rowStep === 0 ? k : j,
            out.address + offset, out.rowStep,
            Math.min(block.rows, rows - i), inner, Math.min(block.columns, columns - j), block.inner, add || k > 0,
            last && bias ? bias + j * bytesPerElement : 0,
            last ? activation : 0,
            last && preactivation ? preactivation + offset : 0,
            last && residual ? residual + offset : 0,
            engine.revectorized,
            scratch,
          ]);
        }
      }
    }
    engine.run(calls, batch * rows * inner * columns * productTime, threadStep);
  });
}

/** Blocks of nearly equal sizes. Where threads would have too few of them, there are more, of fewer columns or rows. */
function chooseBlock({ batch, rows, inner, columns }: Products, threads: number): Block {
  const wanted = threads === 1 ? 1 : threads * blocksOfThread;
  const max = { ...largest };
  const isTooFew = (): boolean => batch * Math.ceil(rows / max.rows) * Math.ceil(columns / max.columns) < wanted;
  while (isTooFew() && max.columns > min.columns) max.columns /= 2;
  while (isTooFew() && max.rows > min.rows) max.rows /= 2;
  return {
    rows: evenBlock(rows, max.rows),
    inner: evenBlock(inner, max.inner),
    columns: evenBlock(columns, max.columns),
  };
}

/** As much as fits of the rows, then of the inner axis, then of the products. */
function chooseChunk({ batch, rows, inner }: Products, block: Block): Pick<Chunk, "batch" | "rows" | "inner"> {
  const fitting = (length: number, step: number, others: number): number =>
    Math.min(length, Math.max(1, Math.floor(chunkElements / (step * others))) * step);
  const height = fitting(rows, block.rows, block.inner);
  const depth = fitting(inner, block.inner, height);
  const isWhole = height === rows && depth === inner;
  return { rows: height, inner: depth, batch: isWhole ? fitting(batch, 1, rows * inner) : 1 };
}

/** The size of blocks of nearly equal sizes, at most about `max`. */
function evenBlock(length: number, max: number): number {
  const even = length / Math.ceil(length / max);
  return Math.min(Math.ceil(even / blockMultiple) * blockMultiple, length);
}
