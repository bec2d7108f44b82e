/** Matrices in memory, one for each product of a batch. Steps in bytes. */
export interface Matrices {
  readonly address: number;
  readonly batchStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/**
 * `out = a · b`, or `out += a · b`, of `[rows, inner]` and `[inner, columns]`, `batch` times, and what follows them.
 * `out` is dense.
 */
export interface Products {
  readonly a: Matrices;
  readonly b: Matrices;
  readonly out: Matrices;
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly add: boolean;
  /** Addresses, and the number of the activation; 0 where there is none. The last two are laid out as `out`. */
  readonly bias: number;
  readonly activation: number;
  readonly preactivation: number;
  readonly residual: number;
}

/** How far in bytes an element is from the first one. */
export function offsetOf(matrices: Matrices, product: number, row: number, column: number): number {
  return product * matrices.batchStep + row * matrices.rowStep + column * matrices.columnStep;
}
