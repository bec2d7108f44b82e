import { assert, boolean, integer, property, record } from "fast-check";
import { expect, test } from "vitest";
import type { View } from "../../../contract/index.ts";
import { denseStrides } from "../../../shape.ts";
import { fits } from "../runtime/split-bindings.ts";
import { fitting } from "./gemm.ts";
import type { Products } from "./gemm.ts";

const engine = { maxBindingElements: 160 };

/** A view of memory of its own, the last two axes swapped where it is transposed. */
function allocate(memories: number[][], shape: readonly number[], transposed = false): View {
  const stored = transposed ? [...shape.slice(0, -2), ...shape.slice(-2).reverse()] : shape;
  const strides = denseStrides(stored);
  if (transposed) strides.push(...strides.splice(-2).reverse());
  const size = shape.reduce((a, b) => a * b, 1);
  const buffer = memories.push(Array.from({ length: size }, (_, i) => ((i * 7 + memories.length * 5) % 11) - 5)) - 1;
  return { buffer, offset: 0, shape, strides, dtype: "f32" };
}

/** What a kernel makes of them: whole numbers, so that the order of sums does not matter. */
function multiply(memories: number[][], products: Products, b: View): void {
  const { a, out, accumulate, bias, activation, preactivation, residual } = products;
  const at = ({ buffer, offset, strides }: View, ...index: number[]): [number[], number] => [
    memories[buffer],
    index.reduce((place, i, axis) => place + i * strides[axis], offset),
  ];
  const read = (view: View, ...index: number[]): number => {
    const [memory, place] = at(view, ...index);
    return memory[place];
  };
  const write = (value: number, view: View, ...index: number[]): void => {
    const [memory, place] = at(view, ...index);
    memory[place] = value;
  };
  const [batch, rows, columns] = out.shape;
  for (let i = 0; i < batch; i++) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        let sum = accumulate ? read(out, i, row, column) : 0;
        for (let k = 0; k < a.shape[2]; k++) sum += read(a, i, row, k) * read(b, i, k, column);
        if (bias) sum += read(bias, i, column);
        if (preactivation) write(sum, preactivation, i, row, column);
        if (activation) sum = Math.max(sum, 0);
        if (residual) sum += read(residual, i, row, column);
        write(sum, out, i, row, column);
      }
    }
  }
}

const length = integer({ min: 1, max: 30 });

test("products in parts are within reach and give what they give as a whole, epilogue included", () => {
  const problem = record({
    batch: integer({ min: 1, max: 4 }), rows: length, inner: length, columns: length,
    aTransposed: boolean(), bTransposed: boolean(), accumulate: boolean(), withEpilogue: boolean(),
  });
  let cuts = 0;
  assert(
    property(problem, ({ batch, rows, inner, columns, aTransposed, bTransposed, accumulate, withEpilogue }) => {
      const memories: number[][] = [];
      const a = allocate(memories, [batch, rows, inner], aTransposed);
      const b = allocate(memories, [batch, inner, columns], bTransposed);
      const like = () => allocate(memories, [batch, rows, columns]);
      const out = like();
      const epilogue = withEpilogue
        ? { bias: allocate(memories, [batch, columns]), activation: "relu" as const, preactivation: like(), residual: like() }
        : { bias: null, activation: null, preactivation: null, residual: null };
      const products = { a, out, accumulate, ...epilogue };
      const parts = fitting(engine, products, { b }, { b: ["batch", "inner", "columns"] });
      const cut = memories.map((memory) => [...memory]);
      for (const { products, right } of parts) {
        for (const view of [products.a, right.b, products.out]) expect(fits(engine, view)).toBe(true);
        multiply(cut, products, right.b);
      }
      multiply(memories, products, b);
      expect(cut).toEqual(memories);
      cuts += parts.length - 1;
    }),
  );
  expect(cuts).toBeGreaterThan(0);
});
