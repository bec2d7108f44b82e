import type { Dense, ElementwiseKernels, GroupedKernels, IndexingKernels, View } from "../../../contract/index.ts";
import type { Engine } from "../runtime/engine.ts";
import { entryArguments, groupIndex, linearSize, spread } from "../runtime/grid.ts";
import { reads, u32, writes } from "../runtime/program.ts";
import { relaid, split } from "../runtime/split-bindings.ts";
import { noEpilogue } from "./epilogue.ts";
import type { Groups, Products } from "./gemm.ts";
import { multiply } from "./matmul.ts";
import { asBatch, multiplyByTransposedWeight, multiplyByWeight } from "./weights.ts";

/** From how many rows on those of a layer are multiplied together: fewer ones are products alone. */
const manyRows = 16;

/** Products whose rows are found by their layers: nothing is read back, and no row is moved. */
export function grouped(
  engine: Engine, { fill }: Pick<ElementwiseKernels, "fill">, { scatterAddRows }: Pick<IndexingKernels, "scatterAddRows">,
): GroupedKernels {
  return {
    groupedLinear({ x, weight, bias, ids, out }) {
      const [layers] = weight.shape;
      // Rows of numbers outside stay so.
      fill({ value: NaN, out });
      if (x.shape[0] < manyRows) {
        const choice = { ids, first: 0 };
        multiplyByTransposedWeight(engine, { ...noEpilogue, a: eachRow(x), bias, out: eachRow(out), choice }, weight);
        return;
      }
      byLayers(engine, ids, layers, [x, out], (x, out, groups) => {
        multiplyByTransposedWeight(engine, { ...ofLayers(x, out, groups), bias }, weight);
      });
    },

    groupedLinearGradient({ grad, weight, ids, out }) {
      fill({ value: NaN, out });
      byLayers(engine, ids, weight.shape[0], [grad, out], (grad, out, groups) => {
        multiplyByWeight(engine, ofLayers(grad, out, groups), weight);
      });
    },

    groupedLinearWeightGradient({ grad, x, ids, gradWeight, gradBias }) {
      const [layers, outputs, inputs] = gradWeight.shape;
      byLayers(engine, ids, layers, [grad, x], (grad, x, groups) => {
        const [rows] = x.shape;
        const products: Products = {
          ...noEpilogue,
          accumulate: true,
          a: relaid(grad, { shape: [layers, outputs, rows], strides: [0, 1, outputs] }),
          out: gradWeight,
          groups: { ...groups, along: "inner" },
        };
        multiply(engine, products, relaid(x, { shape: [layers, rows, inputs], strides: [0, inputs, 1] }));
      });
      if (gradBias) scatterAddRows({ op: null, ids: asBatch(ids), grad: asBatch(grad), out: asBatch(gradBias) });
    },
  };
}

/** Rows as products alone. */
function eachRow(x: Dense): View {
  const [rows, columns] = x.shape;
  return relaid(x, { shape: [rows, 1, columns], strides: [columns, columns, 1] });
}

/** Each layer's products of the rows that it has. */
function ofLayers(a: View, out: View, groups: Lines): Products {
  const [layers] = groups.bounds.shape;
  const repeated = (x: View): View => relaid(x, { shape: [layers, ...x.shape], strides: [0, ...x.strides] });
  return { ...noEpilogue, a: repeated(a), out: repeated(out), groups: { ...groups, along: "rows" } };
}

type Lines = Omit<Groups, "along">;

/**
 * Calls `use` with parts of two matrices of these rows, which bindings reach, and the rows of each layer in them. For each layer a
 * workgroup looks for its rows, whose threads share all of them.
 */
function byLayers(
  engine: Engine, ids: Dense<"i32">, layers: number, [first, second]: readonly [Dense, Dense],
  use: (first: View, second: View, groups: Lines) => void,
): void {
  const axes = { ids: ["rows"], first: ["rows", null], second: ["rows", null] } as const;
  for (const { operands } of split(engine, { ids, first, second }, axes, ["first", "second"])) {
    const [rows] = operands.ids.shape;
    engine.withScratch(rows, (forMembers) => engine.withScratch(2 * layers, (forBounds) => {
      const members: Dense<"i32"> = { ...forMembers, dtype: "i32" };
      const bounds: Dense<"i32"> = { ...forBounds, dtype: "i32", shape: [layers, 2], strides: [2, 1] };
      engine.run({
        name: "rows of layers",
        operands: { ids: reads(operands.ids), members: writes(members), bounds: writes(bounds) },
        values: { rows: u32(rows), layers: u32(layers) },
        source: (of) => `
// Of each thread's rows, how many are of layers before, and of this one.
var<workgroup> counts: array<vec2u, ${linearSize}>;
@compute @workgroup_size(${linearSize})
fn main(${entryArguments}) {
  let layer = ${groupIndex};
  if (layer >= values.layers) { return; }
  let share = (values.rows + ${linearSize - 1}u) / ${linearSize}u;
  let end = min((local + 1u) * share, values.rows);
  var count = vec2u();
  for (var row = local * share; row < end; row++) {
    let id = u32(${of.ids("row")});
    count += select(vec2u(), vec2u(1u), vec2<bool>(id < layer, id == layer));
  }
  counts[local] = count;
  workgroupBarrier();
  var place = 0u;
  for (var i = 0u; i < ${linearSize}u; i++) { place += counts[i].x + select(0u, counts[i].y, i < local); }
  if (local == 0u) { ${of.bounds("2u * layer")} = i32(place); }
  for (var row = local * share; row < end; row++) {
    if (u32(${of.ids("row")}) == layer) {
      ${of.members("place")} = i32(row);
      place++;
    }
  }
  if (local == ${linearSize - 1}u) { ${of.bounds("2u * layer + 1u")} = i32(place); }
}`,
        workgroups: spread(layers),
      });
      use(operands.first, operands.second, { members, bounds });
    }));
  }
}
