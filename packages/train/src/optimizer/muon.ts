import {
  add, adamwStep, belowOne, copyInto, flag, mul, nonNegative, objectWith, optional, quote, reshape, scope, slice, sub, Tensor,
} from "@gpt/tensor";
import type { DecayRange, Expectations } from "@gpt/tensor";
import { invalidOption } from "../checks.ts";
import { adamwOptionsExpected, inRanges } from "./adamw.ts";
import type { AdamWOptions } from "./adamw.ts";
import { Optimizer, sizeOfAll, trainable } from "./optimizer.ts";
import type { ParameterList } from "./optimizer.ts";
import { orthogonalize } from "./orthogonalize.ts";

/** How Muon steps, and AdamW with the parameters that are no hidden matrices. */
export interface MuonOptions extends AdamWOptions {
  /**
   * The hidden matrices by path, and the rows of each matrix that a parameter `[rows, columns]` or `[count, rows, columns]`
   * holds: see `hiddenMatrices`. AdamW changes all other parameters.
   */
  readonly matrices: ReadonlyMap<string, readonly number[]>;
  /** Decay of the running mean of the matrices' gradients. Default 0.95. */
  readonly momentum?: number;
  /** Nesterov's form of momentum. Default true. */
  readonly nesterov?: boolean;
  /** The rate of AdamW's parameters as a multiple of `learningRate`. Default 1. */
  readonly adamwRate?: number;
}

const optionsExpected = (): Expectations<MuonOptions> => ({
  ...adamwOptionsExpected,
  matrices: objectWith("a map of rows by path, as hiddenMatrices makes", "get()", "entries()"),
  momentum: optional(belowOne),
  nesterov: optional(flag),
  adamwRate: optional(nonNegative),
});

/** Matrices that lie one behind the other in the bucket: `count` of `rows` × `columns`, whose rows are divided into `parts`. */
interface Group {
  readonly start: number;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
  readonly parts: readonly number[];
}

/** The most elements whose updates are in memory at once: 64 MiB, several times. */
const chunkSize = 16_777_216;

/**
 * Muon (Jordan et al. 2024): hidden matrices change by their momentum, made orthogonal; embeddings, heads and vectors by AdamW,
 * with a rate of `adamwRate · learningRate`. As in Moonlight (Liu et al. 2025), an update is multiplied by
 * 0.2 · √(the longer side), so that its root mean square is that of AdamW's and both take one rate, and weight decay is
 * decoupled. Both keep running means of gradients as `firstMoments`; only AdamW's parameters have `secondMoments`.
 *
 * ```ts
 * const optimizer = new Muon(model.namedParameters(), { learningRate: 0.005, matrices: hiddenMatrices(model) });
 * ```
 */
export class Muon extends Optimizer {
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly adamwRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly #ranges: readonly DecayRange[];
  readonly #groups: readonly Group[];

  /** Parameters without `requiresGrad` are left alone. */
  constructor(parameters: ParameterList, options: MuonOptions) {
    const given = Symbol.iterator in (Object(parameters) as object) ? [...parameters] : parameters;
    const trained = trainable("Muon", given, options, optionsExpected());
    checkPaths(given, options.matrices);
    const { learningRate, matrices, momentum = 0.95, nesterov = true, adamwRate = 1 } = options;
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0.01 } = options;
    const { ordered, ranges } = inRanges(trained.filter(([path]) => !matrices.has(path)), weightDecay);
    const adamwSize = sizeOfAll(ordered);
    const { hidden, groups } = grouped(trained.filter(([path]) => matrices.has(path)), matrices, adamwSize);
    super("Muon", [...ordered, ...hidden], learningRate, [
      { name: "firstMoments", size: sizeOfAll(trained) }, { name: "secondMoments", size: adamwSize },
    ]);
    this.momentum = momentum;
    this.nesterov = nesterov;
    this.adamwRate = adamwRate;
    this.beta1 = beta1;
    this.beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
    this.#ranges = ranges;
    this.#groups = groups;
  }

  /** @internal */
  protected override update(): void {
    const [firstMoments, secondMoments] = this.states;
    const rest = (bucket: Tensor): Tensor => slice(bucket, 0, 0, secondMoments.size);
    adamwStep({
      parameters: rest(this.parameters),
      gradients: rest(this.gradients),
      firstMoments: rest(firstMoments),
      secondMoments,
      gradScale: this.gradientScale,
      ranges: this.#ranges,
      learningRate: this.learningRate * this.adamwRate,
      beta1: this.beta1,
      beta2: this.beta2,
      epsilon: this.epsilon,
      step: this.stepCount,
    });
    for (const group of this.#groups) {
      const size = group.rows * group.columns;
      const most = Math.max(1, Math.floor(chunkSize / size));
      for (let first = 0; first < group.count; first += most) {
        const count = Math.min(most, group.count - first);
        scope(() => this.#updateMatrices({ ...group, start: group.start + first * size, count }));
      }
    }
  }

  #updateMatrices({ start, count, rows, columns, parts }: Group): void {
    const { learningRate, momentum, weightDecay } = this;
    const of = (bucket: Tensor): Tensor =>
      reshape(slice(bucket, 0, start, start + count * rows * columns), [count, rows, columns]);
    const [parameters, moments] = [of(this.parameters), of(this.states[0])];
    const gradients = mul(of(this.gradients), mul(this.gradientScale, 1 - momentum));
    copyInto(moments, add(mul(moments, momentum), gradients));
    const directions = this.nesterov ? add(gradients, mul(moments, momentum)) : moments;
    let end = 0;
    for (const part of parts) {
      const [from, to] = [end, (end += part)];
      scope(() => {
        const change = orthogonalize(slice(directions, 1, from, to));
        const rate = learningRate * 0.2 * Math.sqrt(Math.max(part, columns));
        const changed = slice(parameters, 1, from, to);
        copyInto(changed, sub(mul(changed, 1 - learningRate * weightDecay), mul(change, rate)));
      });
    }
  }
}

/** Hidden matrices in an order in which those of one shape, divided alike, lie side by side from `start` on, and what they are. */
function grouped(
  hidden: readonly (readonly [path: string, parameter: Tensor])[],
  matrices: MuonOptions["matrices"],
  start: number,
): { hidden: (readonly [path: string, parameter: Tensor])[]; groups: Group[] } {
  const alike = new Map<string, (readonly [path: string, parameter: Tensor])[]>();
  for (const [path, parameter] of hidden) {
    const parts = checkedParts(path, parameter, matrices.get(path));
    const key = `${parameter.shape.join()}:${parts.join()}`;
    alike.set(key, [...(alike.get(key) ?? []), [path, parameter]]);
  }
  const groups = Array.from(alike.values(), (members): Group => {
    const [[path, { shape }]] = members;
    const parts = matrices.get(path) as readonly number[];
    const size = sizeOfAll(members);
    const [rows, columns] = shape.slice(-2);
    // Parts of one size are so many matrices more.
    const areEqual = parts.every((part) => part === parts[0]);
    const group = { start, columns, ...(areEqual ? { rows: parts[0], parts: [parts[0]] } : { rows, parts }) };
    start += size;
    return { ...group, count: size / (group.rows * columns) };
  });
  return { hidden: [...alike.values()].flat(), groups };
}

/** Refuses the path of a matrix that names no parameter: AdamW would change that. */
function checkPaths(parameters: ParameterList, matrices: MuonOptions["matrices"]): void {
  const paths = new Set(Array.from(parameters, (item, i) => (item instanceof Tensor ? `${i}` : item[0])));
  const unknown = [...matrices.keys()].find((path) => !paths.has(path));
  if (unknown !== undefined) throw invalidOption(`Muon: matrices: ${quote(unknown)} names no parameter`);
}

function checkedParts(path: string, { shape }: Tensor, parts: unknown): readonly number[] {
  const rows = shape.at(-2);
  const isList = Array.isArray(parts) && parts.every((part) => Number.isSafeInteger(part) && part > 0);
  if (isList && (parts as number[]).reduce((sum, part) => sum + part, 0) === rows) return parts as number[];
  const given = isList ? (parts as number[]).join(", ") : quote(parts);
  throw invalidOption(
    `Muon: matrices: ${quote(path)} is [${shape.join(", ")}], divided into ${given}; give rows, from 1, whose sum is those of a matrix`,
  );
}
