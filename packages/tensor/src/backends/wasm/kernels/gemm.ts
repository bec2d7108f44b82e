import type { Activation, Dense, PackedDType, View } from "../../../contract/index.ts";
import { bytesPerElement } from "../../../dtype.ts";
import type { Shape } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";

/** Matrices in memory, one for each product of a batch. Steps in bytes. */
export interface Matrices {
  readonly address: number;
  readonly batchStep: number;
  readonly rowStep: number;
  readonly columnStep: number;
}

/** What follows a product: addresses, and the number of the activation; 0 where there is none. */
export interface Epilogue {
  readonly bias: number;
  readonly activation: number;
  /** The same layout as the product's. */
  readonly preactivation: number;
  readonly residual: number;
}

/** How the right operand is stored where it is packed: its address and steps are those of the weight's rows. */
export interface PackedOperand {
  readonly dtype: PackedDType;
  /** The scales of the rows. */
  readonly scales: Matrices;
}

/**
 * `out = a · b`, or `out += a · b`, of `[rows, inner]` and `[inner, columns]`, `batch` times, and what follows them.
 * `out` is dense.
 */
export interface Products extends Epilogue {
  readonly a: Matrices;
  readonly b: Matrices;
  readonly storage: PackedOperand | null;
  readonly out: Matrices;
  readonly batch: number;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly add: boolean;
}

/** A view `[batch, rows, columns]`. */
export function matricesOf(engine: Engine, view: View): Matrices {
  const [batchStep, rowStep, columnStep] = view.strides.map((stride) => stride * bytesPerElement);
  return { address: engine.address(view), batchStep, rowStep, columnStep };
}

/** A dense view as matrices `[rows, columns]`, one behind the other. */
export function denseMatrices(engine: Engine, view: Dense, [rows, columns]: Shape): Matrices {
  const rowStep = columns * bytesPerElement;
  return { address: engine.address(view), batchStep: rows * rowStep, rowStep, columnStep: bytesPerElement };
}

/** How far in bytes an element is from the first one. */
export function offsetOf(matrices: Matrices, product: number, row: number, column: number): number {
  return product * matrices.batchStep + row * matrices.rowStep + column * matrices.columnStep;
}

export const noEpilogue: Epilogue = { bias: 0, activation: 0, preactivation: 0, residual: 0 };

/** The activations' numbers in `finishRows`. */
const activationNumbers: Record<Activation, number> = { gelu: 1, relu: 2, silu: 3 };

export function epilogueOf(
  engine: Engine,
  { bias, activation, preactivation, residual }: {
    readonly bias: Dense | null;
    readonly activation: Activation | null;
    readonly preactivation: Dense | null;
    readonly residual: Dense | null;
  },
): Epilogue {
  return {
    bias: bias ? engine.address(bias) : 0,
    activation: activation ? activationNumbers[activation] : 0,
    preactivation: preactivation ? engine.address(preactivation) : 0,
    residual: residual ? engine.address(residual) : 0,
  };
}
