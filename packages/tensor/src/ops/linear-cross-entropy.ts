import { argumentError, checkOptions } from "../arguments.ts";
import { full } from "../core/create.ts";
import type { Weight } from "../core/packed-weight.ts";
import { composite, needsGradient, noGrad, record } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { oneOf, optional } from "../expectations.ts";
import { formatShape, sameShape } from "../shape.ts";
import { mul } from "./elementwise.ts";
import { crossEntropyFor, differentiateRows, evaluateRows, meanOf } from "./loss.ts";
import { multiplyInto } from "./matmul.ts";
import { reshape, slice, transpose } from "./movement.ts";
import { checkDType, checkOperands, dense, shapeError } from "./operands.ts";
import { sum } from "./reduce.ts";
import { linear, multiplyByTransposedWeight, multiplyByWeight, weightOperand } from "./weights.ts";
import type { WeightOperand } from "./weights.ts";

/** How losses become one number, and how many rows are computed at once. */
export interface LinearCrossEntropyOptions {
  /** Targets with this value have no loss and no gradient. Default −100. */
  readonly ignoreIndex?: number;
  /** `mean` over the targets that are not ignored (default), or `sum`. */
  readonly reduction?: "mean" | "sum";
  /** What the loss of each target is multiplied by, `[…]`; without a gradient. Default: 1 each. */
  readonly weights?: Tensor;
  /** How many rows of logits are in memory at once. Default: as many as fit 4 MiB, but 256 at least. */
  readonly chunkRows?: number;
}

const optionsExpected = { reduction: optional(oneOf(["mean", "sum"])) };

/** Logits that a chunk may always have. */
const chunkElements = 2 ** 20;
/** Each chunk reads the weight and adds to its gradient once more: so many rows make up for it. */
const minChunkRows = 256;

/**
 * `crossEntropy(linear(x, weight), targets)` without all of the logits in memory: `x` is `[…, dim]`, `weight`
 * `[classes, dim]`, `targets` `[…]`. Rows are taken in chunks. Where a gradient is needed, that of a chunk's logits
 * is made in their place and multiplied with `weight` and `x` at once (Hsu et al. 2024, "Liger Kernel"). So there are
 * three products, as without chunks; the tape holds the two results, and `backward` only scales them. Rows that fit
 * one chunk are computed as the formula says. A packed weight has no gradient.
 */
export function linearCrossEntropy(
  x: Tensor,
  weight: Weight,
  targets: Tensor<"i32">,
  options: LinearCrossEntropyOptions = {},
): Tensor {
  checkOptions("linearCrossEntropy", options, optionsExpected);
  const { weights } = options;
  const operand = checkedHead(x, weight, targets, weights);
  const rows = targets.size;
  const [classes, dim] = weight.shape;
  const { ignoreIndex = -100, reduction = "mean" } = options;
  const { chunkRows = Math.max(minChunkRows, Math.floor(chunkElements / classes)) } = options;
  if (!Number.isSafeInteger(chunkRows) || chunkRows < 1) {
    throw argumentError("linearCrossEntropy", `chunkRows is ${chunkRows}, not a whole number from 1`);
  }
  return composite("linearCrossEntropy", () => {
    if (rows <= chunkRows && !weights) {
      return crossEntropyFor("linearCrossEntropy", linear(x, weight), targets, { ignoreIndex, reduction });
    }
    const inputs = [x, ...operand.inputs];
    const gradients = inputs.map((input) => (needsGradient([input]) ? input.allocateLike() : undefined));
    const [gradX, gradWeight] = gradients;
    const losses = Tensor.allocate(x.backend, "f32", [rows]);
    const counts = Tensor.allocate(x.backend, "f32", [Math.ceil(rows / chunkRows)]);
    const factors = reshape(dense(weights ?? full(targets.shape, 1, { backend: x.backend })), [rows]);
    const total = noGrad(() => {
      evaluateChunks(Math.min(chunkRows, rows), ignoreIndex, {
        x: dense(reshape(x, [rows, dim])),
        weight: operand,
        classes,
        targets: dense(reshape(targets, [rows])),
        factors,
        losses,
        counts,
        gradX: gradX && reshape(gradX, [rows, dim]),
        gradWeight,
      });
      return sum(mul(losses, factors));
    });
    const saved = gradients.filter((gradient) => gradient !== undefined);
    record("linearCrossEntropy", inputs, total, saved, ({ grad, saved, needs, accumulator }) =>
      inputs.map((_, i) => (needs(i) ? scaled(saved[i === 0 ? 0 : saved.length - 1], grad, accumulator(i)) : undefined)),
    );
    return reduction === "sum" ? total : meanOf(total, counts);
  });
}

/** What is computed chunk by chunk, and from what. */
interface Chunked {
  /** `[rows, dim]`, dense. */
  readonly x: Tensor;
  /** `[classes, dim]`. */
  readonly weight: WeightOperand;
  readonly classes: number;
  /** `[rows]`. */
  readonly targets: Tensor<"i32">;
  /** `[rows]`: what losses are multiplied by. */
  readonly factors: Tensor;
  /** `[rows]`: receives each row's loss. */
  readonly losses: Tensor;
  /** `[chunks]`: receives how many targets of a chunk are not ignored. */
  readonly counts: Tensor;
  /** `[rows, dim]` and `[classes, dim]`: receive the gradients of the sum of the weighted losses. */
  readonly gradX: Tensor | undefined;
  readonly gradWeight: Tensor | undefined;
}

function evaluateChunks(
  chunkRows: number,
  ignoreIndex: number,
  { x, weight, classes, targets, factors, losses, counts, gradX, gradWeight }: Chunked,
): void {
  const { backend } = x;
  const [rows] = x.shape;
  const chunkLogits = Tensor.allocate(backend, "f32", [chunkRows, classes]);
  const chunkStatistics = Tensor.allocate(backend, "f32", [chunkRows, 2]);
  for (let chunk = 0; chunk < counts.size; chunk++) {
    const firstRow = chunk * chunkRows;
    const size = Math.min(chunkRows, rows - firstRow);
    const xs = slice(x, 0, firstRow, firstRow + size);
    const logits = slice(chunkLogits, 0, 0, size);
    const labels = slice(targets, 0, firstRow, firstRow + size);
    const statistics = slice(chunkStatistics, 0, 0, size);
    const shared = { logits, targets: labels, ignoreIndex, statistics };
    multiplyByTransposedWeight(logits, xs, weight);
    evaluateRows({
      ...shared,
      firstRow,
      op: "linearCrossEntropy",
      losses: slice(losses, 0, firstRow, firstRow + size),
      count: slice(counts, 0, chunk, chunk + 1),
    });
    if (!gradX && !gradWeight) continue;
    differentiateRows({ ...shared, grad: slice(factors, 0, firstRow, firstRow + size), out: logits });
    if (gradX) multiplyByWeight(slice(gradX, 0, firstRow, firstRow + size), logits, weight);
    if (gradWeight) multiplyInto(gradWeight, transpose(logits), xs, chunk > 0);
  }
}

/** `x · factor`, a scalar; added to `target` in place where there is one: then nothing is returned. */
function scaled(x: Tensor, factor: Tensor, target: Tensor | undefined): Tensor | undefined {
  target?.overwrite("linearCrossEntropy");
  const out = target ?? x.allocateLike();
  const [row, results] = [x, out].map((tensor) => reshape(tensor, [1, x.size]));
  multiplyInto(results, reshape(factor, [1, 1]), row, target !== undefined);
  return target ? undefined : out;
}

/** The head's weight, of checked operands. */
function checkedHead(x: Tensor, weight: Weight, targets: Tensor<"i32">, weights?: Tensor): WeightOperand {
  checkDType("linearCrossEntropy", x, "f32");
  const operand = weightOperand("linearCrossEntropy", weight);
  checkDType("linearCrossEntropy", targets, "i32");
  if (weights) checkDType("linearCrossEntropy", weights, "f32");
  checkOperands("linearCrossEntropy", x, ...operand.tensors, targets, weights ?? x);
  const [classes, dim] = weight.shape;
  if (weight.shape.length !== 2 || !classes || x.rank < 1 || x.shape.at(-1) !== dim) {
    throw shapeError(
      "linearCrossEntropy",
      `x ${formatShape(x.shape)}, weight ${formatShape(weight.shape)}: expected […, dim] and [classes, dim]`,
    );
  }
  const lead = x.shape.slice(0, -1);
  for (const [name, { shape }] of Object.entries({ targets, weights: weights ?? targets })) {
    if (!sameShape(lead, shape)) throw shapeError("linearCrossEntropy", `x ${formatShape(x.shape)} needs ${name} ${formatShape(lead)}, got ${formatShape(shape)}`);
  }
  return operand;
}
