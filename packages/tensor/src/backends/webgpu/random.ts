import type { Dense, RandomKernels, View } from "../../contract/index.ts";
import type { PhiloxKey } from "../../philox.ts";
import { sizeOf } from "../../shape.ts";
import type { Engine } from "./engine.ts";
import { functions } from "./functions.ts";
import { entryArguments, linear, linearIndex, linearSize } from "./grid.ts";
import { f32, reads, u32, writes } from "./program.ts";
import type { Value } from "./program.ts";

import { strided } from "./strided.ts";

/** Philox 4×32-10, as in `philox.ts`. */
const philox = `
${functions(["multiplyHigh"])}
fn philox(block: u32) -> vec4u {
  var c = vec4u(block, 0u, values.stream0, values.stream1);
  var k = vec2u(values.seed0, values.seed1);
  for (var round = 0u; round < 10u; round++) {
    c = vec4u(
      multiplyHigh(0xcd9e8d57u, c.z) ^ c.y ^ k.x, 0xcd9e8d57u * c.z,
      multiplyHigh(0xd2511f53u, c.x) ^ c.w ^ k.y, 0xd2511f53u * c.x,
    );
    k += vec2u(0x9e3779b9u, 0xbb67ae85u);
  }
  return c;
}`;

const wordBits = 2 ** 24;

export function random(engine: Engine): RandomKernels {
  return {
    uniform({ key, out }) {
      fill(engine, "uniform", key, {}, out, {}, () => "f32(u) * 5.9604644775390625e-8");
    },

    dropout({ x, probability, key, out }) {
      // u ≥ probability, in whole numbers, so that no rounding tells backends apart.
      const values = { least: u32(Math.ceil(probability * wordBits)), scale: f32(1 / (1 - probability)) };
      fill(engine, "dropout", key, { x }, out, values, (x) => `select(0.0, ${x} * values.scale, u >= values.least)`);
    },
  };
}

/** Fills `out` with an expression of `u`, whole numbers of 24 bits, four from each block. */
function fill(
  engine: Engine, name: string, { seed, stream }: PhiloxKey, inputs: { readonly x?: View }, out: Dense,
  values: Readonly<Record<string, Value>>, expression: (x: string) => string,
): void {
  const count = sizeOf(out.shape);
  const place = inputs.x && strided("x", inputs.x);
  engine.run({
    name,
    variant: place?.rank,
    operands: { ...(inputs.x ? { x: reads(inputs.x) } : {}), out: writes(out) },
    values: {
      count: u32(count), seed0: u32(seed[0] >>> 0), seed1: u32(seed[1] >>> 0), stream0: u32(stream[0] >>> 0),
      stream1: u32(stream[1] >>> 0), ...values, ...place?.values,
    },
    source: (of) => `
${philox}
${place?.source ?? ""}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let block = ${linearIndex};
  let words = philox(block);
  for (var word = 0u; word < 4u; word++) {
    let i = block * 4u + word;
    if (i >= values.count) { return; }
    let u = words[word] >> 8u;
    ${of.out("i")} = ${expression(of.x?.("place_x(i)"))};
  }
}`,
    workgroups: linear(Math.ceil(count / 4)),
  });
}
