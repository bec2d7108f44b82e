import type { Activation, View } from "../../../contract/index.ts";
import { reads, u32, writes } from "../runtime/program.ts";
import type { Elements, Operand, Value } from "../runtime/program.ts";
import { functions } from "../wgsl/functions.ts";

/** What follows a product: see the contract's `linear`. */
export interface Epilogue {
  /** Whether the product is added to what is there, before all else. */
  readonly accumulate: boolean;
  /** `[matrices, columns]`: a row for each matrix on the right. */
  readonly bias: View | null;
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

/** What a kernel's source needs for an epilogue. */
export interface EpilogueParts {
  readonly variant: string;
  readonly operands: Readonly<Record<string, Operand>>;
  readonly values: Readonly<Record<string, Value>>;
  readonly functions: string;
  /** WGSL that stores `sum` at `batch`, `row` and `column`, with the bias of `matrix`. */
  store(of: Elements): string;
}

/** Numbers of activations in source; 0 is none. */
const activations: Readonly<Record<Activation, number>> = { gelu: 1, relu: 2, silu: 3 };

/**
 * What there is to do is told by numbers, so that products with different epilogues share a program: it is done once for each
 * sum. What is not read for lack of it is bound to something else.
 */
export function epilogueParts({ a, out, accumulate, bias, activation, preactivation, residual }: Epilogue & { readonly a: View; readonly out: View }): EpilogueParts {
  const place = "batch * values.out_batch + row * values.out_row + column";
  const biasRow = bias && bias.shape[0] > 1 ? bias.strides[0] : 0;
  const cases = Object.entries(activations).map(([name, number]) => `case ${number}u: { return ${name}(x); }`);
  return {
    variant: `${preactivation !== null}`,
    operands: {
      out: writes(out),
      bias: reads(bias ?? a),
      residual: reads(residual ?? a),
      ...(preactivation ? { preactivation: writes(preactivation) } : {}),
    },
    values: {
      out_batch: u32(out.strides[0]),
      out_row: u32(out.strides[1]),
      accumulates: u32(accumulate ? 1 : 0),
      has_bias: u32(bias ? 1 : 0),
      ...(biasRow && { bias_row: u32(biasRow) }),
      activation: u32(activation ? activations[activation] : 0),
      has_residual: u32(residual ? 1 : 0),
    },
    functions: `
${functions(Object.keys(activations) as Activation[])}
fn activated(x: f32) -> f32 {
  switch (values.activation) {
    ${cases.join("\n    ")}
    default: { return x; }
  }
}`,
    store: (of) => `
      let place = ${place};
      var result = sum;
      if (values.accumulates != 0u) { result += ${of.out("place")}; }
      if (values.has_bias != 0u) { result += ${of.bias(biasRow ? "matrix * values.bias_row + column" : "column")}; }
      ${preactivation ? `${of.preactivation("place")} = result;` : ""}
      result = activated(result);
      if (values.has_residual != 0u) { result += ${of.residual("place")}; }
      ${of.out("place")} = result;`,
  };
}
