import type { Backend } from "../contract/index.ts";
import type { Layout } from "../core/tensor.ts";
import { Tensor } from "../core/tensor.ts";
import type { DataOf, DType } from "../dtype.ts";
import { createData } from "../dtype.ts";
import { sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { forEachIndex } from "./reference/array.ts";

/**
 * How a tensor lies in its buffer: row-major from its start; the same at an odd offset; with its last two axes
 * exchanged; with gaps between rows; or with gaps between elements as well. All but the first have foreign elements
 * around them.
 */
export type LayoutKind = "dense" | "offset" | "transposed" | "gapped" | "stepped";

/** A tensor in a buffer whose other elements are known, so that writes to them show. */
export interface Placed<D extends DType = DType> {
  readonly tensor: Tensor<D>;
  /** All elements of the buffer at the start. */
  readonly initial: DataOf<D>;
  /** Where in the buffer each element of the tensor lies, in row-major order. */
  readonly positions: Int32Array;
  /** The whole buffer, as it is now. */
  readonly read: () => Promise<DataOf<D>>;
  readonly dispose: () => void;
}

/** What surrounds a tensor: reading it by mistake shows in results, or is out of range as an index. */
const foreign: { readonly [D in DType]: number } = { f32: NaN, i32: -2147483648 };

/** Writes values to a new buffer in a layout. */
export function place<D extends DType>(
  backend: Backend,
  dtype: D,
  shape: Shape,
  values: ArrayLike<number>,
  layout: LayoutKind,
): Placed<D> {
  const { length, ...window } = planLayout(shape, layout);
  const positions = new Int32Array(sizeOf(shape));
  forEachIndex(shape, (index, i) => {
    positions[i] = index.reduce((position, at, axis) => position + at * window.strides[axis], window.offset);
  });
  const initial = createData(dtype, length).fill(foreign[dtype]) as DataOf<D>;
  positions.forEach((position, i) => (initial[position] = values[i]));
  const base = Tensor.allocate(backend, dtype, [length]);
  if (length > 0) backend.write(base, initial);
  const tensor = base.view(window);
  return {
    tensor,
    initial,
    positions,
    read: () => base.data(),
    dispose() {
      tensor.dispose();
      base.dispose();
    },
  };
}

function planLayout(shape: Shape, layout: LayoutKind): Layout & { length: number } {
  const order = shape.map((_, axis) => axis);
  if (layout === "transposed") order.push(...order.splice(-2).reverse());
  const strides = new Array<number>(shape.length);
  const offset = layout === "dense" ? 0 : 3;
  const margin = layout === "dense" ? 0 : 5;
  let step = layout === "stepped" ? 2 : 1;
  for (const axis of order.reverse()) {
    strides[axis] = step;
    step *= shape[axis];
    if (layout === "gapped" && axis === shape.length - 1) step += 3;
  }
  const last = shape.reduce((position, length, axis) => position + (length - 1) * strides[axis], offset);
  return { shape, strides, offset, length: (sizeOf(shape) === 0 ? offset : last + 1) + margin };
}
