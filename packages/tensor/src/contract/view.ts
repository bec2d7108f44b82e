import type { DType } from "../dtype.ts";
import type { Shape, Strides } from "../shape.ts";

/**
 * A strided window of a buffer, which is all that a kernel sees of a tensor. Element `[i, j, …]` lies at
 * `offset + i·strides[0] + j·strides[1] + …`, counted in elements. A stride may be 0 (broadcast).
 */
export interface View<D extends DType = "f32"> {
  /** What the backend's `allocate` returned: an address, an index, whatever it chose. */
  readonly buffer: number;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: Strides;
  readonly dtype: D;
}

/** A view that is row-major without gaps: the ops make sure of it before they call a kernel that asks for one. */
export type Dense<D extends DType = "f32"> = View<D>;
