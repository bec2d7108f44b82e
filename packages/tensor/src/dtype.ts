/** Element types: `f32` for all computation, `i32` for indices. Both take four bytes. */
export type DType = "f32" | "i32";

/** The typed array that holds elements of a dtype. */
export type DataOf<D extends DType> = D extends "f32" ? Float32Array : D extends "i32" ? Int32Array : never;

/** Bytes of one element, of either dtype. */
export const bytesPerElement = 4;

/** A zero-filled typed array of a dtype. */
export function createData<D extends DType>(dtype: D, length: number): DataOf<D>;
export function createData(dtype: DType, length: number): Float32Array | Int32Array {
  return dtype === "f32" ? new Float32Array(length) : new Int32Array(length);
}
