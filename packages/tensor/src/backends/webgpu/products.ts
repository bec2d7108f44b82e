import type { Activation, Dense, View } from "../../contract/index.ts";
import { functions } from "./functions.ts";
import { fits, narrow } from "./parts.ts";
import type { Reach } from "./parts.ts";
import { reads, u32, writes } from "./program.ts";
import type { Elements, Operand, Value } from "./program.ts";

/** What follows a product: see the contract's `matmul`. */
export interface Epilogue {
  /** Whether the product is added to what is there, before all else. */
  readonly accumulate: boolean;
  /** `[columns]`. */
  readonly bias: Dense | null;
  readonly activation: Activation | null;
  /** Both with the layout of `out`. */
  readonly preactivation: View | null;
  readonly residual: View | null;
}

export const noEpilogue: Epilogue = {
  accumulate: false,
  bias: null,
  activation: null,
  preactivation: null,
  residual: null,
};

/** `[batch, rows, inner] · [batch, inner, columns]`, of any strides, but that neighbours along a row of `out` touch. */
export interface Products extends Epilogue {
  readonly a: View;
  readonly b: View;
  readonly out: View;
}

/** The axes of the operands, by name: each may be cut. */
const axesOf = {
  a: ["batch", "rows", "inner"],
  b: ["batch", "inner", "columns"],
  out: ["batch", "rows", "columns"],
} as const;
type Axis = (typeof axesOf)[keyof typeof axesOf][number];

/** Products cut into parts, to be made in this order, whose operands one binding reaches: mostly there is one part. */
export function fitting(engine: Reach, products: Products): Products[] {
  for (const name of ["a", "b", "out"] as const) {
    const view = products[name];
    if (fits(engine, view)) continue;
    // The axis along which it is longest.
    let [longest, span] = [-1, 0];
    view.shape.forEach((length, axis) => {
      if (length > 1 && length * view.strides[axis] > span) [longest, span] = [axis, length * view.strides[axis]];
    });
    const length = view.shape[longest];
    const half = length >> 1;
    const cut = axesOf[name][longest];
    return [
      ...fitting(engine, part(products, cut, 0, half, false)),
      ...fitting(engine, part(products, cut, half, length - half, true)),
    ];
  }
  return [products];
}

function part(products: Products, axis: Axis, start: number, count: number, isLast: boolean): Products {
  const cut = (view: View, axes: readonly Axis[]): View => {
    const index = axes.indexOf(axis);
    return index < 0 ? view : narrow(view, index, start, count);
  };
  const { a, b, out, bias, preactivation, residual, ...rest } = products;
  const operands = { a: cut(a, axesOf.a), b: cut(b, axesOf.b), out: cut(out, axesOf.out) };
  if (axis === "inner" && !isLast) {
    return { ...noEpilogue, ...operands, accumulate: rest.accumulate };
  }
  return {
    ...rest,
    ...operands,
    accumulate: rest.accumulate || axis === "inner",
    bias: bias && axis === "columns" ? narrow(bias, 0, start, count) : bias,
    preactivation: preactivation && cut(preactivation, axesOf.out),
    residual: residual && cut(residual, axesOf.out),
  };
}

/** What a kernel's source needs for an epilogue. */
export interface EpilogueParts {
  readonly variant: string;
  readonly operands: Readonly<Record<string, Operand>>;
  readonly values: Readonly<Record<string, Value>>;
  readonly functions: string;
  /** WGSL that stores `sum` at `batch`, `row` and `column`. */
  store(of: Elements): string;
}

export function epilogueParts(products: Omit<Products, "a" | "b">): EpilogueParts {
  const { out, accumulate, bias, activation, preactivation, residual } = products;
  const place = "batch * values.out_batch + row * values.out_row + column";
  const lines = (of: Elements): string[] => [
    "var result = sum;",
    accumulate ? `result += ${of.out(place)};` : "",
    bias ? `result += ${of.bias("column")};` : "",
    preactivation ? `${of.preactivation(place)} = result;` : "",
    activation ? `result = ${activation}(result);` : "",
    residual ? `result += ${of.residual(place)};` : "",
    `${of.out(place)} = result;`,
  ];
  return {
    variant: [accumulate, bias !== null, preactivation !== null, activation, residual !== null].join(),
    operands: {
      out: writes(out),
      ...(bias ? { bias: reads(bias) } : {}),
      ...(preactivation ? { preactivation: writes(preactivation) } : {}),
      ...(residual ? { residual: reads(residual) } : {}),
    },
    values: { out_batch: u32(out.strides[0]), out_row: u32(out.strides[1]) },
    functions: activation ? functions([activation]) : "",
    store: (of) => lines(of).filter(Boolean).join("\n"),
  };
}
