import type { Activation, ActivationKernels, BinaryOp, ElementwiseKernels, UnaryOp, View } from "../../../contract/index.ts";
import type { DType } from "../../../dtype.ts";
import { sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import type { FunctionName } from "../wgsl/functions.ts";
import { entryArguments, linear, linearIndex, linearSize } from "../runtime/grid.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import type { Value } from "../runtime/program.ts";
import { partsOf } from "../runtime/split-bindings.ts";
import { strided } from "../wgsl/strided.ts";

/** WGSL of a function of `x`, and the functions of `functions.ts` that it calls. */
interface Expression {
  readonly code: string;
  readonly uses?: readonly FunctionName[];
}

const unaryExpressions: Record<UnaryOp, Expression> = {
  abs: { code: "abs(x)" },
  cos: { code: "cosine(x)", uses: ["cosine"] },
  erfc: { code: "complementaryError(x)", uses: ["complementaryError"] },
  exp: { code: "exponential(x)", uses: ["exponential"] },
  gelu: { code: "gelu(x)", uses: ["gelu"] },
  log: { code: "logarithm(x)", uses: ["logarithm"] },
  relu: { code: "relu(x)", uses: ["relu"] },
  rsqrt: { code: "inverseSqrt(x)" },
  sigmoid: { code: "sigmoid(x)", uses: ["sigmoid"] },
  sign: { code: "signOf(x)", uses: ["signOf"] },
  silu: { code: "silu(x)", uses: ["silu"] },
  sin: { code: "sine(x)", uses: ["sine"] },
  sqrt: { code: "sqrt(x)" },
  tanh: { code: "hyperbolicTangent(x)", uses: ["hyperbolicTangent"] },
};

const binaryExpressions: Record<BinaryOp, Expression> = {
  add: { code: "a + b" },
  sub: { code: "a - b" },
  mul: { code: "a * b" },
  div: { code: "quotient(a, b)", uses: ["quotient"] },
  pow: { code: "power(a, b)", uses: ["power"] },
  maximum: { code: "larger(a, b)", uses: ["larger"] },
  minimum: { code: "smaller(a, b)", uses: ["smaller"] },
  equal: { code: "select(0.0, 1.0, a == b)" },
  less: { code: "select(0.0, 1.0, a < b)" },
};

const derivatives: Record<Activation, Expression> = {
  gelu: { code: "grad * geluDerivative(x)", uses: ["geluDerivative"] },
  relu: { code: "select(grad, 0.0, x <= 0.0)" },
  silu: { code: "siluGradient(x, grad)", uses: ["siluGradient"] },
};

const truncation: Expression = { code: "truncated(x)", uses: ["truncated"] };

export function elementwise(engine: Engine): ElementwiseKernels & ActivationKernels {
  return {
    unary: ({ op, x, out }) => map(engine, `unary ${op}`, { x }, out, unaryExpressions[op]),
    binary: ({ op, a, b, out }) => map(engine, `binary ${op}`, { a, b }, out, binaryExpressions[op]),
    affine({ x, scale, shift, out }) {
      const values = { scale: f32(scale), shift: f32(shift) };
      map(engine, "affine", { x }, out, { code: "x * values.scale + values.shift" }, values);
    },
    // By bits, since comparisons with NaN are not to be relied on.
    select: ({ condition, a, b, out }) =>
      map(engine, "select", { condition, a, b }, out, {
        code: "select(b, a, (bitcast<u32>(condition) & 0x7fffffffu) != 0u)",
      }),
    activationGradient: ({ activation, x, grad, out }) =>
      map(engine, `activationGradient ${activation}`, { x, grad }, out, derivatives[activation]),
    copy: ({ x, out }) => copy(engine, x, out),
    fill({ value, out }) {
      const number: Value = { type: out.dtype, value };
      map(engine, "fill", {}, out, { code: "values.value" }, { value: number });
    },
  };
}

/** `out = x`, of one shape and any strides. */
export function copy(engine: Engine, x: View<DType>, out: View<DType>): void {
  map(engine, "copy", { x }, out, x.dtype === "f32" && out.dtype === "i32" ? truncation : { code: `${out.dtype}(x)` });
}

/** `out[i] = expression(inputs[i]…)` for all elements. All have the shape of `out`, and any strides. */
function map(
  engine: Engine,
  name: string,
  inputs: Readonly<Record<string, View<DType>>>,
  out: View<DType>,
  { code, uses = [] }: Expression,
  values: Readonly<Record<string, Value>> = {},
): void {
  mapAll(engine, name, inputs, { out }, { codes: { out: code }, uses }, values);
}

/** The same for several results. Each is stored when all inputs were read. */
export function mapAll<Result extends string>(
  engine: Engine,
  name: string,
  inputs: Readonly<Record<string, View<DType>>>,
  results: Readonly<Record<Result, View<DType>>>,
  { codes, uses }: { readonly codes: Readonly<Record<Result, string>>; readonly uses: readonly FunctionName[] },
  values: Readonly<Record<string, Value>>,
): void {
  const names = Object.keys(inputs);
  const written = Object.keys(results) as Result[];
  for (const { operands } of partsOf<Readonly<Record<string, View<DType>>>>(engine, { ...inputs, ...results }, written)) {
    const places = strided(operands);
    const count = sizeOf(operands[written[0]].shape);
    engine.run({
      name,
      variant: places.rank,
      operands: {
        ...Object.fromEntries(names.map((of) => [of, reads(operands[of])])),
        ...Object.fromEntries(written.map((of) => [of, writes(operands[of])])),
      },
      values: { count: u32(count), ...values, ...places.values },
      source: (elements) => `
${functions(uses)}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  ${places.source}
  ${names.map((of) => `let ${of} = ${elements[of](`place_${of}`)};`).join("\n  ")}
  ${written.map((of) => `${elements[of](`place_${of}`)} = ${codes[of]};`).join("\n  ")}
}`,
      workgroups: linear(count),
    });
  }
}
