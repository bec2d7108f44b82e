import type { Dense, Gate, GatedKernels, View } from "../../../contract/index.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { entryArguments, linear, linearIndex, linearSize } from "../runtime/grid.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import type { Value } from "../runtime/program.ts";
import { relaid, split } from "../runtime/split-bindings.ts";

export function gated(engine: Engine): GatedKernels {
  return {
    gated({ x, gate, out }) {
      const axes = { x: ["rows", null, "columns"], out: ["rows", "columns"] } as const;
      for (const { operands } of split(engine, { x: halvesOf(x), out }, axes, ["out"])) {
        const { x, out } = operands;
        const [rows, width] = out.shape;
        engine.run({
          name: "gated",
          variant: kindOf(gate),
          operands: { x: reads(x), out: writes(out) },
          values: { ...sizes(rows, width, x), out_row: u32(out.strides[0]), ...numbersOf(gate) },
          source: (of) => `
${partsOf(gate)}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let place = i / values.width * values.x_row + i % values.width;
  let argument = argument_of(${of.x("place")});
  ${of.out("i / values.width * values.out_row + i % values.width")} =
    silu(argument) * values.inverse * factor_of(${of.x("place + values.x_half")});
}`,
          workgroups: linear(rows * width),
        });
      }
    },

    gatedGradient({ x, gate, grad, out }) {
      const halves = ["rows", null, "columns"] as const;
      const axes = { x: halves, grad: ["rows", "columns"], out: halves } as const;
      for (const { operands } of split(engine, { x: halvesOf(x), grad, out: halvesOf(out) }, axes, ["out"])) {
        const { x, grad, out } = operands;
        const [rows, width] = grad.shape;
        engine.run({
          name: "gatedGradient",
          variant: kindOf(gate),
          operands: { x: reads(x), grad: reads(grad), out: writes(out) },
          values: {
            ...sizes(rows, width, x),
            grad_row: u32(grad.strides[0]),
            out_row: u32(out.strides[0]),
            out_half: u32(out.strides[1]),
            ...numbersOf(gate),
          },
          source: (of) => `
${partsOf(gate)}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  let row = i / values.width;
  let column = i % values.width;
  let first = ${of.x("row * values.x_row + column")};
  let second = ${of.x("row * values.x_row + column + values.x_half")};
  let grad = ${of.grad("row * values.grad_row + column")};
  let argument = argument_of(first);
  let place = row * values.out_row + column;
  ${of.out("place")} = passed(grad * siluGradient(argument, factor_of(second)), first);
  ${of.out("place + values.out_half")} = passed(grad * (silu(argument) * values.inverse), abs(second));
}`,
          workgroups: linear(rows * width),
        });
      }
    },
  };
}

/** `[rows, 2 · width]` as gates and what they are multiplied with. */
function halvesOf(x: Dense): View {
  const [rows, columns] = x.shape;
  return relaid(x, { shape: [rows, 2, columns / 2], strides: [columns, columns / 2, 1] });
}

function sizes(rows: number, width: number, x: View): Record<"count" | "width" | "x_row" | "x_half", Value> {
  return { count: u32(rows * width), width: u32(width), x_row: u32(x.strides[0]), x_half: u32(x.strides[1]) };
}

function kindOf(gate: Gate): string {
  return gate === "silu" ? "plain" : "bounded";
}

function numbersOf(gate: Gate): Record<"alpha" | "inverse" | "limit", Value> {
  const { alpha, limit } = gate === "silu" ? { alpha: 1, limit: 0 } : gate;
  return { alpha: f32(alpha), inverse: f32(1 / alpha), limit: f32(limit) };
}

/** WGSL of the argument of silu, of the factor behind it, and of what a gradient becomes at an element of this size. */
function partsOf(gate: Gate): string {
  return gate === "silu"
    ? `
${functions(["silu", "siluGradient"])}
fn argument_of(gate: f32) -> f32 { return gate; }
fn factor_of(other: f32) -> f32 { return other; }
fn passed(grad: f32, size: f32) -> f32 { return grad; }`
    : `
${functions(["silu", "siluGradient", "larger", "smaller", "isNaN"])}
fn argument_of(gate: f32) -> f32 { return smaller(gate, values.limit) * values.alpha; }
fn factor_of(other: f32) -> f32 { return larger(smaller(other, values.limit), -values.limit) + 1.0; }
fn passed(grad: f32, size: f32) -> f32 { return select(0.0, grad, size <= values.limit && !isNaN(size)); }`;
}
