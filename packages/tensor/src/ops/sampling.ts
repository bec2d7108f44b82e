import { check, checkOptions } from "../arguments.ts";
import { full, ones, tensor } from "../core/create.ts";
import { scope } from "../core/scope.ts";
import { composite } from "../core/tape.ts";
import { Tensor } from "../core/tensor.ts";
import { numberThat, oneOrMore, optional, wholeNumber } from "../expectations.ts";
import type { RowSampling } from "../sampling.ts";
import { formatShape, sameShape, sizeOf } from "../shape.ts";
import type { Shape } from "../shape.ts";
import { less, mul, where } from "./elementwise.ts";
import { checkInputs, dense, shapeError, viewAs } from "./operands.ts";
import { argmax } from "./reduce.ts";

/** One number for all rows, or one for each row, in the order of the rows. */
export type RowNumbers = number | readonly number[];

/** How classes are drawn. The filters apply in the order of this list. */
export interface SampleOptions {
  /** Random numbers in [0, 1), `[…]`: one for each row of logits. */
  readonly uniforms: Tensor;
  /** Divides the logits: below 1 safer, above 1 wilder; 0 takes the largest always. Default 1. */
  readonly temperature?: RowNumbers;
  /** Only the `k` most probable classes; as many as there are, or more, is all. Default: all. */
  readonly topK?: RowNumbers;
  /** Only the smallest set of most probable ones with this much probability together (Holtzman et al. 2020). Default 1. */
  readonly topP?: RowNumbers;
  /** Only classes with at least this fraction of the largest probability. Default 0. */
  readonly minP?: RowNumbers;
}

const optionsExpected = {
  temperature: optional(oneOrMore(numberThat("from 0", (value) => value >= 0))),
  topK: optional(oneOrMore(wholeNumber(1))),
  topP: optional(oneOrMore(numberThat("above 0 and at most 1", (value) => value > 0 && value <= 1))),
  minP: optional(oneOrMore(numberThat("from 0 to 1", (value) => value >= 0 && value <= 1))),
};

const penaltyExpected = oneOrMore(numberThat("above 0", (value) => value > 0 && value < Infinity));

/** Beyond these nothing changes for logits of usual sizes, while inverses may be 0 or ∞ in f32. */
const lowestTemperature = 2 ** -100;
const highestTemperature = 2 ** 100;

/**
 * Draws a class for each row of logits `[…, classes]` by the softmax of the logits; the result is `[…]`. Equal random
 * numbers give equal classes, whatever the other rows are. Of equally probable classes the filters keep the first ones. A
 * row with NaN gives any class. Not differentiable.
 *
 * @example
 * sample(logits, { uniforms, temperature: [0, 0.8], topK: [1, 40] }) // logits [2, classes], uniforms [2] → [2]
 */
export function sample(logits: Tensor, options: SampleOptions): Tensor<"i32"> {
  checkOptions("sample", options, optionsExpected);
  const { uniforms } = options;
  checkInputs("sample", [logits, uniforms]);
  const classes = logits.shape.at(-1);
  if (!classes || !sameShape(logits.shape.slice(0, -1), uniforms.shape)) {
    throw shapeError(
      "sample",
      `logits ${formatShape(logits.shape)} need uniforms ${formatShape(logits.shape.slice(0, -1))}, ` +
        `got ${formatShape(uniforms.shape)}`,
    );
  }
  const settings = settingsOf(options, uniforms.shape, classes);
  if (settings.every(({ temperature }) => temperature === 0)) return argmax(logits, { axis: -1 });
  return scope(() => {
    const out = Tensor.allocate(logits.backend, "i32", uniforms.shape);
    const rows = out.size;
    if (rows > 0) {
      out.backend.kernels.sample({
        logits: viewAs(dense(logits), rows, classes),
        uniforms: viewAs(dense(uniforms), rows),
        settings,
        out: viewAs(out, rows),
      });
    }
    return out;
  });
}

/** One entry where all rows have the same, else one for each. */
function settingsOf(options: SampleOptions, shape: Shape, classes: number): RowSampling[] {
  const { temperature = 1, topK = classes, topP = 1, minP = 0 } = options;
  const given = { temperature, topK, topP, minP };
  const named = (name: keyof typeof given): RowNumbers => compact("sample", name, given[name], shape);
  const temperatures = named("temperature");
  const filters = [named("topK"), named("topP"), named("minP")];
  const isByRow = [temperatures, ...filters].some((numbers) => typeof numbers !== "number");
  return Array.from({ length: isByRow ? sizeOf(shape) : 1 }, (_, row) => {
    const [topK, topP, minP] = filters.map((numbers) => numberOf(numbers, row));
    return { temperature: boundedTemperature(numberOf(temperatures, row)), topK: Math.min(topK, classes), topP, minP };
  });
}

function numberOf(numbers: RowNumbers, row: number): number {
  return typeof numbers === "number" ? numbers : numbers[row];
}

function boundedTemperature(temperature: number): number {
  return temperature === 0 ? 0 : Math.min(Math.max(temperature, lowestTemperature), highestTemperature);
}

/** The numbers of rows `[…]`, as one number where all are equal. */
function compact(op: string, name: string, given: RowNumbers, shape: Shape): RowNumbers {
  if (typeof given === "number") return given;
  if (given.length !== sizeOf(shape)) {
    throw shapeError(op, `${name} has ${given.length} numbers, for the ${sizeOf(shape)} rows ${formatShape(shape)}`);
  }
  return given.every((value) => value === given[0]) && given.length > 0 ? given[0] : given;
}

/**
 * Makes classes that occurred less likely (Keskar et al. 2019, section 4.1): in every row of logits `[…, classes]`
 * those that are among `ids` are divided by the penalty where they are positive, else multiplied by it. Ids `[n]` are those
 * of all rows, ids `[…, n]` those of each row. A penalty below 1 makes them more likely. Ids outside of the classes are
 * passed over: −1 fills up the rows that have fewer.
 */
export function penalizeRepeats(logits: Tensor, ids: Tensor<"i32">, penalty: RowNumbers): Tensor {
  checkInputs("penalizeRepeats", [logits], [ids]);
  check("penalizeRepeats", "the penalty", penalty, penaltyExpected);
  const classes = logits.shape.at(-1);
  if (!classes) throw shapeError("penalizeRepeats", `logits ${formatShape(logits.shape)} have no classes`);
  const [shape, ofIds] = [logits, ids].map((x) => x.shape.slice(0, -1));
  if (ofIds.length > 0 && !sameShape(shape, ofIds)) {
    const byRow = `[${[...shape, "n"].join(", ")}]`;
    throw shapeError(
      "penalizeRepeats",
      `ids ${formatShape(ids.shape)} are neither [n], for all rows of logits ${formatShape(logits.shape)}, nor ${byRow}`,
    );
  }
  const factor = compact("penalizeRepeats", "the penalty", penalty, shape);
  return composite("penalizeRepeats", () => {
    const { backend } = logits;
    const occurrences = full([...ofIds, classes], 0, { backend });
    if (ids.size > 0) {
      const rows = sizeOf(ofIds);
      backend.kernels.scatterAddRows({
        op: null,
        ids: viewAs(dense(ids), rows, ids.size / rows),
        grad: ones([rows, ids.size / rows, 1], { backend }),
        out: viewAs(occurrences, rows, classes, 1),
      });
    }
    const by = (power: (penalty: number) => number): number | Tensor =>
      typeof factor === "number" ? power(factor) : tensor(Float32Array.from(factor, power), { shape: [...shape, 1], backend });
    const changed = where(less(logits, 0), mul(logits, by((p) => p)), mul(logits, by((p) => 1 / p)));
    return where(occurrences, changed, logits);
  });
}
