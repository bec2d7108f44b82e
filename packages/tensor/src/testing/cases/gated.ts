import type { Gate, GatedKernels } from "../../contract/index.ts";
import { gated } from "../../ops/gated.ts";
import type { Shape } from "../../shape.ts";
import type { Check, ChecksOf } from "../case.ts";
import { gradientOf, inner } from "../finite-differences.ts";
import { literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { generate, map } from "../reference/array.ts";
import { siluCondition } from "../reference/elementwise.ts";
import { gated as reference, gatedPair } from "../reference/gated.ts";
import { combinations, range, rangeGradient, smallestNormal, ulp, wholeRange } from "../whole-range.ts";
import type { Round, Truth } from "../whole-range.ts";
import { kernel } from "../write-case.ts";

const shapes: readonly (readonly [Shape, LayoutKind])[] = [
  [[2], "offset"], [[3, 10], "transposed"], [[2, 3, 4], "gapped"], [[0, 6], "dense"], [[3, 0], "dense"], [[5, 34], "stepped"],
  [[3, 2060], "dense"],
];

/** gpt-oss', and one whose bounds most numbers meet. */
const gates = ["silu", { alpha: 1.702, limit: 7 }, { alpha: 0.5, limit: 0.75 }] as const satisfies Gate[];
const nameOf = (gate: Gate): string => (gate === "silu" ? gate : `alpha ${gate.alpha}, limit ${gate.limit}`);

const units: readonly OpCase[] = gates.flatMap((gate) => [
  ...shapes.map(([shape, layout]) =>
    op({
      name: `${nameOf(gate)}, of [${shape.join(", ")}], ${layout}`,
      inputs: { x: numbers(shape, { low: -3, high: 3, layout }) },
      run: ({ x }) => gated(x, gate),
      reference: ({ x }) => reference(x, gate),
    }),
  ),
]);

/** What is at a bound passes its gradient, as in PyTorch's `clamp`. */
const atBounds = op({
  name: "at the bounds, and beyond them",
  inputs: { x: literal([7, 7, 7.5, -8, 2, 3, 1, 7, 2, -7, 1, 7.5], [3, 4]) },
  run: ({ x }) => gated(x, { alpha: 1.702, limit: 7 }),
  reference: ({ x }) => reference(x, { alpha: 1.702, limit: 7 }),
  gradients: { x: gradientsAtBounds() },
});

function gradientsAtBounds(): number[] {
  const rows = [[7, 7, 7.5, -8], [2, 3, 1, 7], [2, -7, 1, 7.5]];
  return rows.flatMap(([first, second, third, fourth]) => {
    const pairs = [gatedPair(first, third, gates[1]), gatedPair(second, fourth, gates[1])];
    return [0, 1].flatMap((side) => pairs.map(({ slopes }) => (slopes[side] ?? [0]).reduce((a, b) => a * b, 1)));
  });
}

const grads = [-1.5, 1e30, Infinity];

/** What is lost where results of silu are subnormal, relative to the bound of the error. */
const lost = (round: Round): number => (round(smallestNormal / 2) === 0 ? smallestNormal / ulp : smallestNormal);

/** A pair's parts, and by which the error of silu grows: where its terms cancel, and by its rounded argument. */
function partsOf(first: number, second: number, gate: Gate) {
  const pair = gatedPair(first, second, gate);
  if (gate === "silu") return { ...pair, condition: siluCondition(first) };
  const argument = gate.alpha * Math.min(first, gate.limit);
  return { ...pair, condition: siluCondition(argument) * (1 + Math.min(Math.abs(argument), 110)) };
}

/** `saved` is what becomes of what the factor is multiplied by. */
function valueTruth(x: NdArray, gate: Gate, round: Round, saved: Round): Truth {
  const parts = (row: number) => partsOf(x.data[2 * row], x.data[2 * row + 1], gate);
  const shape = [x.shape[0], 1];
  return {
    value: generate(shape, ([row]) => saved(parts(row).weight) * parts(row).factor),
    size: generate(shape, ([row]) => {
      const { value, factor, condition } = parts(row);
      return Math.abs(value) * condition + lost(round) * Math.abs(factor);
    }),
  };
}

const product = (factors: readonly number[]): number => factors.reduce((soFar, factor) => soFar * factor, 1);

/** The slope as it is, rounded to f32, made of factors that are, or lost on the way by a backend that flushes what is tiny. */
const slopes: readonly ((factors: readonly number[], round: Round) => number)[] = [
  product,
  (factors, round) => round(product(factors)),
  (factors, round) => factors.reduce((soFar, factor) => round(soFar * round(factor)), 1),
  (factors, round) => (Math.abs(product(factors)) < 4 * lost(round) * ulp ? 0 : product(factors)),
];

/** Of a pair, each by one of these slopes. */
function gradientTruth(x: NdArray, grad: NdArray, gate: Gate, round: Round, by: readonly (typeof slopes)[number][]): Truth {
  const rows = x.shape[0];
  const [value, size] = [map(x, () => 0), map(x, () => 0)];
  for (let row = 0; row < rows; row++) {
    const parts = partsOf(x.data[2 * row], x.data[2 * row + 1], gate);
    parts.slopes.forEach((factors, side) => {
      if (!factors) return;
      const [g, slope] = [grad.data[row], by[side](factors, round)];
      value.data[2 * row + side] = g * slope;
      const rest = lost(round) * (1 + (side === 0 ? Math.abs(parts.factor) : 0));
      size.data[2 * row + side] = Math.abs(g) * (Math.abs(slope) * parts.condition + rest);
    });
  }
  return { value, size };
}

const inRange: readonly Check[] = gates.map((gate) => {
  const [first, second] = combinations(wholeRange, wholeRange);
  return range({
    name: `gated, ${nameOf(gate)}`,
    inputs: { x: literal(first.flatMap((a, i) => [a, second[i]]), [first.length, 2]) },
    run: ({ x }) => gated(x, gate),
    truths: [({ x }, round) => valueTruth(x, gate, round, (value) => value), ({ x }, round) => valueTruth(x, gate, round, round)],
    bound: 12 * ulp,
  });
});

const gradientsInRange: readonly Check[] = gates.map((gate) => {
  const [first, second, grad] = combinations(wholeRange, wholeRange, grads);
  return rangeGradient({
    name: `gated, ${nameOf(gate)}`,
    inputs: { x: literal(first.flatMap((a, i) => [a, second[i]]), [first.length, 2]), grad: literal(grad, [grad.length, 1]) },
    run: ({ x }) => gated(x, gate),
    truths: {
      x: slopes.flatMap((first) => slopes.map((second) => ({ x, grad }: Record<"x" | "grad", NdArray>, round: Round) =>
        gradientTruth(x, grad, gate, round, [first, second]))),
    },
    bound: 14 * ulp,
  });
});

export const gatedChecks = {
  gated: [
    kernel({
      name: "rows without a gap, at an odd offset",
      inputs: { x: numbers([5, 38], { layout: "offset" }), out: unwritten([5, 19]) },
      run: (kernels, views) => kernels.gated({ ...views, gate: gates[1] }),
      expected: ({ x }) => ({ out: reference(x, gates[1]) }),
    }),
    ...inRange,
    ...units.map(values),
    values(atBounds),
  ],
  gatedGradient: [
    kernel({
      name: "writes both halves",
      inputs: { x: numbers([5, 14], { layout: "offset" }), grad: numbers([5, 7], { layout: "offset" }), out: unwritten([5, 14]) },
      run: (kernels, views) => kernels.gatedGradient({ ...views, gate: "silu" }),
      expected: ({ x, grad }) => ({ out: gradientOf((moved) => inner(reference(moved, "silu"), grad), x) }),
      tolerance: 2e-5,
    }),
    ...gradientsInRange,
    ...units.map(gradients),
    gradients(atBounds),
  ],
} satisfies ChecksOf<GatedKernels>;
