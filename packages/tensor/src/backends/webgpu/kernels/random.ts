import type { DropoutKernels, RandomKernels, View } from "../../../contract/index.ts";
import type { PhiloxKey } from "../../../philox.ts";
import { isDense, sizeOf } from "../../../shape.ts";
import type { Engine } from "../runtime/engine.ts";
import { functions } from "../wgsl/functions.ts";
import { entryArguments, linear, linearIndex, linearSize } from "../runtime/grid.ts";
import { partsOf } from "../runtime/split-bindings.ts";
import { f32, reads, u32, writes } from "../runtime/program.ts";
import type { Elements, Value } from "../runtime/program.ts";
import { strided } from "../wgsl/strided.ts";

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

export function random(engine: Engine): RandomKernels & DropoutKernels {
  return {
    uniform({ key, out }) {
      fill(engine, "uniform", key, { out }, {}, () => "f32(u) * 5.9604644775390625e-8");
    },

    dropout({ x, probability, key, out }) {
      // u ≥ probability, in whole numbers, so that no rounding tells backends apart.
      const values = { min: u32(Math.ceil(probability * wordBits)), scale: f32(1 / (1 - probability)) };
      fill(engine, "dropout", key, { out, x }, values, (x) => `select(0.0, ${x} * values.scale, u >= values.min)`);
    },
  };
}

/** Fills `out` with an expression of `u`, whole numbers of 24 bits, four from each block. */
function fill(
  engine: Engine, name: string, { seed, stream }: PhiloxKey, views: Readonly<Record<"out", View>> & Partial<Record<"x", View>>,
  values: Readonly<Record<string, Value>>, expression: (x: string) => string,
): void {
  for (const { operands } of partsOf(engine, views, ["out"])) {
    const { out, x } = operands;
    const places = strided({ ...operands });
    const first = out.offset - views.out.offset;
    const count = sizeOf(out.shape);
    // Parts of a strided `x` may be such that neighbours in `out` are not of one block.
    const isWhole = isDense(out.shape, out.strides);
    const firstBlock = Math.floor(first / 4);
    const store = (of: Elements): string => `${of.out("place_out")} = ${expression(of.x?.("place_x"))};`;
    engine.run({
      name,
      variant: `${places.rank} ${isWhole}`,
      operands: { out: writes(out), ...(x && { x: reads(x) }) },
      values: {
        first: u32(first), count: u32(count), first_block: u32(firstBlock), seed0: u32(seed[0] >>> 0),
        seed1: u32(seed[1] >>> 0), stream0: u32(stream[0] >>> 0), stream1: u32(stream[1] >>> 0), ...values, ...places.values,
      },
      source: (of) => `
${philox}
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  ${
    isWhole
      ? `
  let block = values.first_block + ${linearIndex};
  let words = philox(block);
  for (var word = 0u; word < 4u; word++) {
    let i = block * 4u + word - values.first;
    if (i >= values.count) { continue; }
    ${places.source}
    let u = words[word] >> 8u;
    ${store(of)}
  }`
      : `
  let i = ${linearIndex};
  if (i >= values.count) { return; }
  ${places.source}
  let element = values.first + place_out;
  let u = philox(element / 4u)[element % 4u] >> 8u;
  ${store(of)}`
  }
}`,
      workgroups: linear(isWhole ? Math.ceil((first + count) / 4) - firstBlock : count),
    });
  }
}
