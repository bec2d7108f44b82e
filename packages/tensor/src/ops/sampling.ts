import { argumentError, checkOptions } from "../arguments.ts";
import { full, ones } from "../core/create.ts";
import { scope } from "../core/scope.ts";
import { composite } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { formatShape, sameShape } from "../shape.ts";
import { less, mul, where } from "./elementwise.ts";
import { checkDType, checkOperands, dense, shapeError, viewAs } from "./operands.ts";
import { argmax } from "./reduce.ts";

/** How classes are drawn. The filters apply in the order of this list. */
export interface SampleOptions {
  /** Random numbers in [0, 1), `[…]`: one for each row of logits. */
  readonly uniforms: Tensor;
  /** Divides the logits: below 1 safer, above 1 wilder; 0 takes the largest always. Default 1. */
  readonly temperature?: number;
  /** Only the `k` most probable classes. Default: all. */
  readonly topK?: number;
  /** Only the smallest set of most probable ones with this much probability together (Holtzman et al. 2020). Default 1. */
  readonly topP?: number;
  /** Only classes with at least this fraction of the largest probability. Default 0. */
  readonly minP?: number;
}

/** Beyond these nothing changes for logits of usual sizes, while inverses may be 0 or ∞ in f32. */
const lowestTemperature = 2 ** -100;
const highestTemperature = 2 ** 100;

/**
 * Draws a class for each row of logits `[…, classes]` by the softmax of the logits; the result is `[…]`. Equal random
 * numbers give equal classes. Of equally probable classes the filters keep the first ones. A row with NaN gives any
 * class. Not differentiable.
 */
export function sample(logits: Tensor, options: SampleOptions): Tensor<"i32"> {
  checkOptions("sample", options);
  const { uniforms, temperature = 1 } = options;
  checkDType("sample", logits, "f32");
  checkDType("sample", uniforms, "f32");
  checkOperands("sample", logits, uniforms);
  const classes = logits.shape.at(-1);
  if (!classes || !sameShape(logits.shape.slice(0, -1), uniforms.shape)) {
    throw shapeError(
      "sample",
      `logits ${formatShape(logits.shape)} need uniforms ${formatShape(logits.shape.slice(0, -1))}, ` +
        `got ${formatShape(uniforms.shape)}`,
    );
  }
  const { topK = classes, topP = 1, minP = 0 } = options;
  if (!(temperature >= 0)) throw argumentError("sample", `the temperature ${temperature} must be at least 0`);
  if (!Number.isInteger(topK) || topK < 1) throw argumentError("sample", `topK ${topK} must be a whole number from 1`);
  if (!(topP > 0 && topP <= 1)) throw argumentError("sample", `topP ${topP} must be above 0 and at most 1`);
  if (!(minP >= 0 && minP <= 1)) throw argumentError("sample", `minP ${minP} must be from 0 to 1`);
  if (temperature === 0) return argmax(logits, { axis: -1 });
  return scope(() => {
    const out = Tensor.allocate(logits.backend, "i32", uniforms.shape);
    const rows = out.size;
    if (rows > 0) {
      out.backend.kernels.sample({
        logits: viewAs(dense(logits), rows, classes),
        uniforms: viewAs(dense(uniforms), rows),
        temperature: Math.min(Math.max(temperature, lowestTemperature), highestTemperature),
        topK: Math.min(topK, classes),
        topP,
        minP,
        out: viewAs(out, rows),
      });
    }
    return out;
  });
}

/**
 * Makes classes that occurred less likely (Keskar et al. 2019, section 4.1): in every row of logits `[…, classes]`
 * those that are among `ids`, of any shape, are divided by the penalty where they are positive, else multiplied by it.
 * A penalty below 1 makes them more likely. Ids outside of the classes are passed over.
 */
export function penalizeRepeats(logits: Tensor, ids: Tensor<"i32">, penalty: number): Tensor {
  checkDType("penalizeRepeats", logits, "f32");
  checkDType("penalizeRepeats", ids, "i32");
  checkOperands("penalizeRepeats", logits, ids);
  const classes = logits.shape.at(-1);
  if (!classes) throw shapeError("penalizeRepeats", `logits ${formatShape(logits.shape)} have no classes`);
  if (!(penalty > 0 && Number.isFinite(penalty))) {
    throw argumentError("penalizeRepeats", `the penalty ${penalty} must be above 0`);
  }
  return composite("penalizeRepeats", () => {
    const { backend } = logits;
    const occurrences = full([classes], 0, { backend });
    if (ids.size > 0) {
      backend.kernels.scatterAddRows({
        op: null,
        ids: viewAs(dense(ids), 1, ids.size),
        grad: ones([1, ids.size, 1], { backend }),
        out: viewAs(occurrences, 1, classes, 1),
      });
    }
    const changed = where(less(logits, 0), mul(logits, penalty), mul(logits, 1 / penalty));
    return where(occurrences, changed, logits);
  });
}
