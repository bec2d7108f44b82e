import type { LossKernels } from "../../contract/index.ts";
import { tensor } from "../../core/create.ts";
import type { Tensor } from "../../core/tensor.ts";
import { add, mul, sub } from "../../ops/elementwise.ts";
import { linearCrossEntropy } from "../../ops/linear-cross-entropy.ts";
import { crossEntropy } from "../../ops/loss.ts";
import type { CrossEntropyOptions } from "../../ops/loss.ts";
import { sizeOf } from "../../shape.ts";
import type { Shape } from "../../shape.ts";
import type { ChecksOf } from "../case.ts";
import { gradientOf, inner } from "../finite-differences.ts";
import { integers, literal, numbers, unwritten } from "../inputs.ts";
import type { LayoutKind } from "../layout-kind.ts";
import type { OpCase } from "../op-case.ts";
import { failure, gradients, op, values } from "../op-case.ts";
import type { NdArray } from "../reference/array.ts";
import { array, generate } from "../reference/array.ts";
import * as reference from "../reference/loss.ts";
import { linear } from "../reference/matmul.ts";
import { statisticsOf } from "../reference/normalization.ts";
import { slice } from "../reference/movement.ts";
import { reduce } from "../reference/reduce.ts";
import { kernel } from "../write-case.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

function reduced(logits: NdArray, targets: NdArray, options: CrossEntropyOptions): NdArray {
  const { ignoreIndex = -100, reduction = "mean" } = options;
  const losses = reference.crossEntropy(logits, targets, ignoreIndex);
  if (reduction === "none") return losses;
  const count = reduction === "sum" ? 1 : Math.max(1, targets.data.filter((target) => target !== ignoreIndex).length);
  return array([], reduce("sum", losses).data.map((sum) => sum / count));
}

const batches: readonly (readonly [lead: Shape, classes: number, LayoutKind])[] = [
  [[], 5, "offset"], [[6], 4, "dense"], [[6], 2, "dense"], [[2, 3], 7, "transposed"], [[5], 1, "gapped"], [[0], 3, "dense"],
  [[1000], 65, "dense"], [[7], 1031, "offset"],
];

/** Every reduction, without ignored targets, with the usual mark for them, and with a class as the mark. */
const losses: readonly OpCase[] = batches.flatMap(([lead, classes, layout]) =>
  (["mean", "sum", "none"] as const).flatMap((reduction) =>
    (sizeOf(lead) * classes > 1000 ? [-1] : [undefined, 0, -1]).map((ignoreIndex) => {
      const options = { reduction, ignoreIndex };
      return op({
        name:
          `[${[...lead, classes].join(", ")}], ${layout}, ${reduction}` +
          (ignoreIndex === undefined ? "" : `, ${ignoreIndex} ignored`),
        inputs: {
          logits: numbers([...lead, classes], { low: -4, high: 4, layout }),
          targets: integers(lead, ignoreIndex === -1 ? -1 : 0, classes, layout),
        },
        run: ({ logits, targets }) => crossEntropy(logits, targets, options),
        reference: ({ logits, targets }) => reduced(logits, targets, options),
      });
    }),
  ),
);

/** Heads in chunks: even ones, a last one that is shorter, one for each row, one for all. */
const heads: readonly (readonly [lead: Shape, dim: number, classes: number, LayoutKind, chunkRows: number | undefined])[] = [
  [[6], 3, 4, "dense", 2], [[7], 5, 9, "offset", 3], [[2, 3], 4, 7, "transposed", 100], [[5], 6, 1, "gapped", 1], [[5], 6, 2, "dense", 2],
  [[4], 2, 3, "stepped", undefined], [[], 3, 5, "offset", 2], [[0], 3, 4, "dense", 2], [[3], 0, 4, "dense", 2],
  [[150], 33, 65, "dense", 49],
];

const headLosses: readonly OpCase[] = heads.flatMap(([lead, dim, classes, layout, chunkRows]) =>
  (["mean", "sum"] as const).flatMap((reduction) =>
    (sizeOf(lead) * classes > 1000 ? [-1] : [undefined, 0, -1]).map((ignoreIndex) => {
      const options = { reduction, ignoreIndex };
      return op({
        name:
          `linear: [${[...lead, dim].join(", ")}] to ${classes}, ${layout}, ` +
          `${chunkRows ?? "usual"} rows a chunk, ${reduction}` +
          (ignoreIndex === undefined ? "" : `, ${ignoreIndex} ignored`),
        inputs: {
          x: numbers([...lead, dim], { layout }),
          weight: numbers([classes, dim], { layout }),
          targets: integers(lead, ignoreIndex === -1 ? -1 : 0, classes, layout),
        },
        run: ({ x, weight, targets }) => linearCrossEntropy(x, weight, targets, { ...options, chunkRows }),
        reference: ({ x, weight, targets }) => reduced(linear(x, weight), targets, options),
      });
    }),
  ),
);

/** A chunk that counts nothing among others, and nothing but such chunks. */
const ignoredChunks = [[1, -100, -100, -100, 0, 2], [-100, -100, -100, -100, -100, -100]].map((targets) =>
  op({
    name: `linear: the targets ${targets.join(", ")} in chunks of 2`,
    inputs: { x: numbers([6, 3]), weight: numbers([4, 3]), targets: literal(targets, [6], "i32") },
    run: ({ x, weight, targets }) => linearCrossEntropy(x, weight, targets, { chunkRows: 2 }),
    reference: ({ x, weight, targets }) => reduced(linear(x, weight), targets, {}),
  }),
);

/** A tensor that is its own head: its gradient has two parts. */
const ownHead = op({
  name: "linear: x is the weight as well",
  inputs: { x: numbers([5, 3]), targets: literal([0, 4, 2, -100, 1], [5], "i32") },
  run: ({ x, targets }) => linearCrossEntropy(x, x, targets, { chunkRows: 2 }),
  reference: ({ x, targets }) => reduced(linear(x, x), targets, {}),
});

/** Losses that weigh differently, in chunks and at once. */
const rowWeights = [0.5, 0, -3, 1, 2];
const weightedHeads = [2, 256].map((chunkRows) =>
  op({
    name: `linear: weighted, in chunks of ${chunkRows}`,
    inputs: { x: numbers([5, 3]), weight: numbers([4, 3]), targets: literal([0, 3, 2, -100, 1], [5], "i32") },
    run: ({ x, weight, targets }) =>
      linearCrossEntropy(x, weight, targets, { reduction: "sum", weights: tensor(rowWeights, { backend: x.backend }), chunkRows }),
    reference: ({ x, weight, targets }) => {
      const losses = reference.crossEntropy(linear(x, weight), targets, -100);
      return array([], [rowWeights.reduce((sum, weight, i) => sum + weight * losses.data[i], 0)]);
    },
  }),
);

const poisonedRow = op({
  name: "linear: a row of NaN",
  inputs: { x: literal([0, 1, nan, 1, 1, 0], [3, 2]), weight: numbers([4, 2]), targets: literal([0, 1, 2], [3], "i32") },
  run: ({ x, weight, targets }) => linearCrossEntropy(x, weight, targets, { chunkRows: 1 }),
  reference: () => array([], [nan]),
  needs: "nan",
});

const allIgnored = op({
  name: "nothing but ignored targets",
  inputs: { logits: numbers([3, 4]), targets: literal([-100, -100, -100], [3], "i32") },
  run: ({ logits, targets }) => crossEntropy(logits, targets),
  reference: () => array([], [0]),
});

/** Rows of logits, the target 1, and the loss. */
const extremes = [
  { row: [1000, 0, -1000], loss: 1000 },
  { row: [0, 1000, 0], loss: 0 },
  { row: [0, -inf, 0], loss: inf },
  { row: [-inf, 3, -inf], loss: 0 },
  { row: [3e38, -3e38, 0], loss: inf },
];

/** Rows of logits in which one class takes almost all, or all the same, far from zero and close to it. */
const peaks: readonly (readonly number[])[] = [
  [1000, 990], [30, 15], [-2000, -2009], [0, -40, -41], [5, 5, -20], [7], [1e6, 1e6 + 1, 1e6 - 14, 1e6 + 0.5],
  [3e38, -3e38], [1e-30, -1e-30], [0, 1e-40, -12], [-inf, 1000, 980], [-3e38, -3e38],
  Array.from({ length: 70 }, (_, i) => (i === 37 ? 300 : 270 - i)),
];

/** One row each, so that errors are relative to its own loss and its own gradient. */
const peaked = peaks.flatMap((row) =>
  row.flatMap((_, target) => {
    if (row.length > 4 && target % 37 > 0) return [];
    const shown = row.length > 4 ? `${row.length} logits` : `[${row.join(", ")}]`;
    const [logits, targets] = [array([1, row.length], Float32Array.from(row)), array([1], [target])];
    return op({
      name: `${shown}, the target ${target}`,
      inputs: { logits: literal(row, logits.shape), targets: literal([target], [1], "i32") },
      run: ({ logits, targets }) => crossEntropy(logits, targets),
      reference: ({ logits, targets }) => reduced(logits, targets, {}),
      gradients: { logits: Array.from(reference.crossEntropyGradient(logits, targets).data) },
      gradientTolerance: 2e-6,
    });
  }),
);

/** The head in chunks of a row: of each row one class takes almost all. */
const peakedHead = op({
  name: "linear: a class takes almost all",
  inputs: {
    x: literal([1000, 0.25], [2, 1]),
    weight: literal([1, 0.984375, 0.96875], [3, 1]),
    targets: literal([0, -100], [2], "i32"),
  },
  run: ({ x, weight, targets }) => linearCrossEntropy(x, weight, targets, { chunkRows: 1 }),
  reference: ({ x, weight, targets }) => reduced(linear(x, weight), targets, {}),
  gradients: (() => {
    // Logits of 1000, 984.375 and 968.75.
    const [second, third] = [Math.exp(-15.625), Math.exp(-31.25)].map((share, _, all) => share / (1 + all[0] + all[1]));
    return {
      x: [second * (0.984375 - 1) + third * (0.96875 - 1), 0],
      weight: [-1000 * (second + third), 1000 * second, 1000 * third],
    };
  })(),
});

/** Logits are multiples of 1/64, so that shifts are exact. */
const shifts = [1000, -4096, 2 ** 17].map((shift) =>
  op({
    name: `logits shifted by ${shift} have the same loss`,
    inputs: { numerators: integers([9, 67], -2000, 2000, "dense", "f32"), targets: integers([9], 0, 67) },
    run: ({ numerators, targets }) => {
      const logits = mul(numerators, 1 / 64);
      const lossOf = (x: Tensor): Tensor => crossEntropy(x, targets, { reduction: "none" });
      return sub(lossOf(add(logits, shift)), lossOf(logits));
    },
    reference: ({ targets }) => generate(targets.shape, () => 0),
    tolerance: 0,
  }),
);

const extremeLosses = op({
  name: "large logits and −∞",
  inputs: {
    logits: literal(extremes.flatMap(({ row }) => row), [extremes.length, 3]),
    targets: literal(extremes.map(() => 1), [extremes.length], "i32"),
  },
  run: ({ logits, targets }) => crossEntropy(logits, targets, { reduction: "none" }),
  reference: () => array([extremes.length], extremes.map(({ loss }) => loss)),
});

/** Rows of logits with their targets; the losses are NaN, and so are all their gradients, as PyTorch has it. */
const poison = [
  { row: [-inf, -inf, -inf], target: 1 }, { row: [inf, 0, 1], target: 1 }, { row: [0, 1, inf], target: 2 },
  { row: [inf, 0, inf], target: 0 }, { row: [nan, 0, 1], target: 1 }, { row: [0, 1, nan], target: 2 },
];

const poisoned = op({
  name: "rows of −∞, with ∞, with NaN, with NaN but ignored",
  inputs: {
    logits: literal([...poison.flatMap(({ row }) => row), nan, nan, nan, 0, 0, 0], [poison.length + 2, 3]),
    targets: literal([...poison.map(({ target }) => target), -100, 1], [poison.length + 2], "i32"),
  },
  run: ({ logits, targets }) => crossEntropy(logits, targets, { reduction: "none" }),
  reference: () => array([poison.length + 2], [...poison.map(() => nan), 0, Math.log(3)]),
  gradients: { logits: [...poison.flatMap(() => [nan, nan, nan]), 0, 0, 0, 1 / 3, -2 / 3, 1 / 3] },
  needs: "nan",
});

const ignoreIndex = 2;

/** What the gradient needs of each row; those of ignored rows are not written. */
function statistics(logits: NdArray, targets: NdArray): NdArray {
  const [rows, classes] = logits.shape;
  return generate([rows, 2], ([row, column]) => {
    if (targets.data[row] === ignoreIndex) return nan;
    const { largest, others } = statisticsOf(logits.data.subarray(row * classes, (row + 1) * classes));
    return column === 0 ? largest : others;
  });
}

export const lossChecks = {
  crossEntropy: [
    kernel({
      name: "losses, statistics and count",
      inputs: {
        logits: numbers([9, 5], { layout: "offset" }),
        targets: literal([0, 1, 3, 4, 4, 3, 1, 0, 0], [9], "i32"),
        losses: unwritten([9]),
        statistics: unwritten([9, 2]),
        count: unwritten([1]),
      },
      run: (kernels, views) => kernels.crossEntropy({ ...views, ignoreIndex, firstRow: 0, op: "crossEntropy" }),
      expected: ({ logits, targets }) => ({
        losses: reference.crossEntropy(logits, targets),
        statistics: statistics(logits, targets),
        count: array([1], [9]),
      }),
    }),
    kernel({
      name: "statistics of rows in which one class takes almost all",
      inputs: {
        logits: literal([0, -15, -16, -18, 0, -17], [2, 3]),
        targets: literal([0, 1], [2], "i32"),
        losses: unwritten([2]),
        statistics: unwritten([2, 2]),
        count: unwritten([1]),
      },
      run: (kernels, views) => kernels.crossEntropy({ ...views, ignoreIndex, firstRow: 0, op: "crossEntropy" }),
      expected: ({ logits, targets }) => ({
        losses: reference.crossEntropy(logits, targets),
        statistics: statistics(logits, targets),
        count: array([1], [2]),
      }),
    }),
    kernel({
      name: "counts 0 where all are ignored",
      inputs: {
        logits: numbers([2, 5]),
        targets: literal([2, 2], [2], "i32"),
        losses: unwritten([2]),
        statistics: unwritten([2, 2]),
        count: unwritten([1]),
      },
      run: (kernels, views) => kernels.crossEntropy({ ...views, ignoreIndex, firstRow: 0, op: "crossEntropy" }),
      expected: ({ logits, targets }) => ({ losses: array([2], [0, 0]), statistics: statistics(logits, targets), count: array([1], [0]) }),
    }),
    kernel({
      name: "targets outside have the loss and the gradient NaN",
      inputs: {
        logits: numbers([3, 5]),
        targets: literal([5, -1, 0], [3], "i32"),
        losses: unwritten([3]),
        statistics: unwritten([3, 2]),
        count: unwritten([1]),
        grad: numbers([3]),
        out: unwritten([3, 5]),
      },
      run(kernels, { grad, out, losses, count, ...views }) {
        kernels.crossEntropy({ ...views, losses, count, ignoreIndex, firstRow: 0, op: "crossEntropy" });
        kernels.crossEntropyGradient({ ...views, grad, out, ignoreIndex });
      },
      expected({ logits, targets, grad }) {
        const last = slice(reference.crossEntropyGradient(logits, targets), 0, 2, 3);
        return {
          losses: array([3], [nan, nan, reference.crossEntropy(logits, targets).data[2]]),
          statistics: statistics(logits, targets),
          count: array([1], [3]),
          out: generate([3, 5], ([row, i]) => (row < 2 ? nan : last.data[i] * grad.data[2])),
        };
      },
      without: "indexErrors",
    }),
    ...[-1, 5, 2147483647].map((target) =>
      failure("index-out-of-range", {
        name: `the target ${target} of 5 classes`,
        inputs: { logits: numbers([3, 5]), targets: literal([0, target, -100], [3], "i32") },
        run: ({ logits, targets }) => crossEntropy(logits, targets),
        needs: "indexErrors",
      }),
    ),
    failure("index-out-of-range", {
      name: "linear: a target outside in the third chunk",
      inputs: {
        x: numbers([7, 2]),
        weight: numbers([5, 2]),
        targets: literal([0, 1, -100, 3, 4, 9, 0], [7], "i32"),
      },
      run: ({ x, weight, targets }) => linearCrossEntropy(x, weight, targets, { chunkRows: 2 }),
      message: "position 5",
      needs: "indexErrors",
    }),
    ...[...losses, allIgnored, extremeLosses, poisoned, ...headLosses, ...ignoredChunks, ...weightedHeads, ownHead, poisonedRow, peakedHead,
      ...peaked, ...shifts].map(values),
  ],
  crossEntropyGradient: [
    kernel({
      name: "into the logits",
      inputs: {
        logits: numbers([6, 5], { layout: "offset" }),
        targets: literal([0, 1, 2, 3, 4, 2], [6], "i32"),
        losses: unwritten([6]),
        statistics: unwritten([6, 2]),
        count: unwritten([1]),
        grad: numbers([6], { layout: "offset" }),
      },
      run(kernels, { grad, losses, count, ...views }) {
        kernels.crossEntropy({ ...views, losses, count, ignoreIndex, firstRow: 0, op: "crossEntropy" });
        kernels.crossEntropyGradient({ ...views, grad, ignoreIndex, out: views.logits });
      },
      expected({ logits, targets, grad }) {
        const loss = (moved: NdArray): NdArray => reference.crossEntropy(moved, targets, ignoreIndex);
        return {
          losses: loss(logits),
          statistics: statistics(logits, targets),
          count: array([1], [4]),
          logits: gradientOf((moved) => inner(loss(moved), grad), logits),
        };
      },
      tolerance: 2e-5,
    }),
    ...[...losses, allIgnored, poisoned, ...headLosses, ...ignoredChunks, ...weightedHeads, ownHead, peakedHead, ...peaked].map(gradients),
  ],
} satisfies ChecksOf<LossKernels>;
