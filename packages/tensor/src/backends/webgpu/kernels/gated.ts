import type { Dense, Gate, GatedKernels, View } from "../../../contract/index.ts";
import type { Engine } from "../runtime/engine.ts";
import { f32, u32 } from "../runtime/program.ts";
import type { Value } from "../runtime/program.ts";
import { relaid } from "../runtime/split-bindings.ts";
import { mapAll } from "./elementwise.ts";

const uses = ["silu", "siluGradient", "larger", "smaller", "isNaN"] as const;

/** WGSL of the argument of silu, and of the factor behind it. */
const argument = "smaller(gate, values.limit) * values.alpha";
const factor = "larger(smaller(other, values.limit), -values.limit) + values.shift";

/** WGSL of what a gradient becomes at an element of this size. Without a bound NaN passes it on. */
const bounded = (grad: string, size: string): string =>
  `select(0.0, ${grad}, select(${size} <= values.limit, values.is_plain != 0u, isNaN(${size})))`;

export function gated(engine: Engine): GatedKernels {
  return {
    gated({ x, gate: kind, out }) {
      const [gate, other] = halvesOf(x);
      const codes = { out: `silu(${argument}) * values.inverse * (${factor})` };
      mapAll(engine, "gated", { gate, other }, { out }, { codes, uses }, valuesOf(kind));
    },

    gatedGradient({ x, gate: kind, grad, out }) {
      const [gate, other] = halvesOf(x);
      const [ofGate, ofOther] = halvesOf(out);
      const codes = {
        ofGate: bounded(`grad * siluGradient(${argument}, ${factor})`, "gate"),
        ofOther: bounded(`grad * (silu(${argument}) * values.inverse)`, "abs(other)"),
      };
      mapAll(engine, "gatedGradient", { gate, other, grad }, { ofGate, ofOther }, { codes, uses }, valuesOf(kind));
    },
  };
}

/** Gates, and what they are multiplied with. */
function halvesOf(x: Dense): readonly [View, View] {
  const [rows, columns] = x.shape;
  const half = relaid(x, { shape: [rows, columns / 2], strides: [columns, 1] });
  return [half, relaid(half, { offset: half.offset + columns / 2 })];
}

/** A plain gate has no limit, and nothing is added to the factor: −0 changes none. */
function valuesOf(gate: Gate): Readonly<Record<string, Value>> {
  const isPlain = gate === "silu";
  const { alpha, limit } = isPlain ? { alpha: 1, limit: Infinity } : gate;
  return {
    alpha: f32(alpha), inverse: f32(1 / alpha), limit: f32(limit), shift: f32(isPlain ? -0 : 1), is_plain: u32(isPlain ? 1 : 0),
  };
}
