import {
  add, belowOne, checkpoint, concat, copyInto, div, flag, gelu, linear, matmul, mul, noGrad, numberThat, object, optional, PackedWeight, quote,
  relu, reshape, scope, silu, slice, sqrt, sub, sum, text, valueThat, wholeNumber, zeros,
} from "@gpt/tensor";
import type { LinearOptions, Tensor, Weight } from "@gpt/tensor";
import { check, sizeExpected } from "./checks.ts";
import { ModuleError } from "./errors.ts";
import { Dropout, Linear } from "./layers.ts";
import { Module } from "./module.ts";
import { construct, parameter } from "./parameter.ts";
import type { RandomKeys } from "./random.ts";

/** What an adapter is, and how it begins. */
export interface LoRAOptions {
  /** The adapter's name; layers of one model whose adapters have one name are switched together. Default `"default"`. */
  readonly name?: string;
  /** Width of the product of two matrices that learns in the place of the layer's own. */
  readonly rank: number;
  /** The product is scaled by `alpha / rank`. Default: the rank. */
  readonly alpha?: number;
  /** Scales by `alpha / √rank` instead (Kalajdzievski 2023). Default false. */
  readonly rsLoRA?: boolean;
  /** The probability with which an element of the adapter's input is zero while training. Default 0. */
  readonly dropout?: number;
  /** Learns the length of each row of the layer's matrix apart from its direction (Liu et al. 2024). Default false. */
  readonly dora?: boolean;
  /** The first of the outputs that it adds to. Default 0. */
  readonly firstOutput?: number;
  /** How many outputs it adds to. Default: all from the first on. */
  readonly outputs?: number;
  /** Where the first values come from. Default: the generator that `manualSeed` seeds. */
  readonly random?: RandomKeys;
  /** Where dropout takes its random numbers. Default: the same generator. */
  readonly dropoutRandom?: RandomKeys;
}

/**
 * A low-rank change of a linear layer (Hu et al. 2021, "LoRA"): `scale · B · A · dropout(x)`, with `a.weight` `[rank, inputs]`,
 * which begins uniformly distributed between ±1/√inputs, and `b.weight` `[outputs, rank]`, which begins as zeros, so that at
 * first nothing changes. Both begin as in Hugging Face's PEFT.
 */
export class LoRA extends Module {
  readonly name: string;
  readonly rank: number;
  readonly alpha: number;
  readonly rsLoRA: boolean;
  /** The first of the outputs that it adds to. */
  readonly firstOutput: number;
  readonly a: Linear;
  readonly b: Linear;
  /** DoRA's lengths of the rows of the changed matrix, `[outputs]`, which begin as those of the layer's own. */
  readonly magnitude: Tensor | undefined;
  readonly dropout: Dropout;
  readonly #base: Linear<Weight>;

  constructor(base: Linear<Weight>, options: LoRAOptions) {
    super();
    check("LoRA: options", options, object);
    const { name = "default", rank, alpha = rank, rsLoRA = false, dropout = 0, dora = false, firstOutput = 0, random, dropoutRandom } = options;
    const [all, inputs] = base.weight.shape;
    check("LoRA: name", name, nameExpected);
    check("LoRA: rank", rank, sizeExpected);
    check("LoRA: alpha", alpha, alphaExpected);
    check("LoRA: rsLoRA", rsLoRA, flag);
    check("LoRA: dropout", dropout, belowOne);
    check("LoRA: dora", dora, flag);
    check("LoRA: firstOutput", firstOutput, wholeNumber(0, all - 1));
    check("LoRA: outputs", options.outputs, optional(wholeNumber(1, all - firstOutput)));
    const { outputs = all - firstOutput } = options;
    this.name = name;
    this.rank = rank;
    this.alpha = alpha;
    this.rsLoRA = rsLoRA;
    this.firstOutput = firstOutput;
    this.#base = base;
    const matrix = dora ? matrixOf(base, "DoRA needs the lengths of its rows") : undefined;
    const { backend } = base.weight;
    const parts = construct(() => ({
      a: new Linear(inputs, rank, { bias: false, random, backend }),
      b: new Linear(rank, outputs, { bias: false, std: 0, backend }),
      magnitude: matrix && parameter(noGrad(() => scope(() => lengthsOf(slice(matrix, 0, firstOutput, firstOutput + outputs))))),
    }));
    this.a = parts.a;
    this.b = parts.b;
    this.magnitude = parts.magnitude;
    this.dropout = new Dropout(dropout, dropoutRandom);
  }

  /** How many outputs it adds to. */
  get outputs(): number {
    return this.b.weight.shape[0];
  }

  /** What the product is multiplied by. */
  get scale(): number {
    return this.alpha / (this.rsLoRA ? Math.sqrt(this.rank) : this.rank);
  }

  /** What is added to its outputs: `x` `[…, inputs]` → `[…, outputs]`, plus `residual` of that shape. */
  forward(x: Tensor, residual?: Tensor): Tensor {
    return scope(() => {
      const drop = this.dropout.isActive ? this.dropout.draw() : (x: Tensor) => x;
      const narrow = mul(this.narrow(x, drop), this.scale);
      if (!this.magnitude) return this.b.forward(narrow, { residual });
      // y = W x + (m/n − 1) · W x + m/n · scale · B A x; n, the length of the changed row, is a constant in the gradient (section 4.3).
      const factors = div(this.magnitude, noGrad(() => lengthsOf(this.changed())));
      const own = mul(linear(drop(x), this.rows()), sub(factors, 1));
      const change = add(own, mul(this.b.forward(narrow), factors));
      return residual ? add(change, residual) : change;
    });
  }

  /** `A · drop(x)`. What is left of `x` is made again for the gradient of A, which would hold as much once more. */
  private narrow(x: Tensor, drop: (x: Tensor) => Tensor): Tensor {
    if (!this.dropout.isActive) return this.a.forward(x);
    return checkpoint((x: Tensor) => this.a.forward(drop(x)), [x], this.a.parameters());
  }

  /** The layer's rows as the adapter changes them, `[outputs, inputs]`. */
  merged(): Tensor {
    return scope(() => {
      const changed = this.changed();
      if (!this.magnitude) return changed;
      return mul(changed, reshape(div(this.magnitude, lengthsOf(changed)), [this.outputs, 1]));
    });
  }

  /** Overwrites the layer's rows with those that the adapter makes of them. */
  mergeInto(): void {
    noGrad(() => scope(() => copyInto(this.rows(), this.merged())));
  }

  /** `W + scale · B A` of its rows. */
  private changed(): Tensor {
    return scope(() => add(this.rows(), mul(matmul(this.b.weight, this.a.weight), this.scale)));
  }

  /** Its rows of the layer's matrix: a view. */
  private rows(): Tensor {
    const matrix = matrixOf(this.#base, "a matrix in fewer bits has no place for the change");
    return slice(matrix, 0, this.firstOutput, this.firstOutput + this.outputs);
  }
}

const nameExpected = /* @__PURE__ */ valueThat("a text that is not empty", (value) => typeof value === "string" && value !== "");
const alphaExpected = /* @__PURE__ */ numberThat("that is finite", Number.isFinite);

/** The Euclidean length of each row. */
function lengthsOf(rows: Tensor): Tensor {
  return sqrt(sum(mul(rows, rows), { axis: 1 }));
}

/** The matrix of a layer, in f32. */
function matrixOf({ weight }: Linear<Weight>, reason: string): Tensor {
  if (!(weight instanceof PackedWeight)) return weight;
  throw new ModuleError("invalid-argument", `LoRA: the layer is stored as ${weight.dtype}, and ${reason}; load it as f32`);
}

const activations = { gelu, relu, silu };

/**
 * A linear layer with adapters, of which one is active or none: `base(x) + scale · B · A · dropout(x)`. Several adapters of one
 * name share the layer where they add to different outputs: queries, keys and values that lie in one matrix. The base may be
 * packed: then the adapters alone can learn (QLoRA). It is put in a layer's place by `setSubmodule`.
 *
 * ```ts
 * const layer = new LoRALinear(model.getSubmodule("output") as Linear, { rank: 8 });
 * model.setSubmodule("output", layer);
 * ```
 */
export class LoRALinear extends Module {
  readonly base: Linear<Weight>;
  readonly adapters: LoRA[] = [];
  #active: string | undefined;

  /** Wraps a layer; with options the first adapter is added, and is active. */
  constructor(base: Linear<Weight>, options?: LoRAOptions) {
    super();
    check("LoRALinear: the base", base, linearExpected);
    this.base = base;
    this.train(base.training);
    if (options === undefined) return;
    this.add(new LoRA(base, options));
    this.#active = this.adapters[0].name;
  }

  /** The name of the adapter that is active. The layer need not have one of this name: then it computes as its base does. */
  get active(): string | undefined {
    return this.#active;
  }

  set active(name: string | undefined) {
    check("LoRALinear: the name", name, optional(text));
    this.#active = name;
  }

  /**
   * Adds an adapter of this layer, in the layer's mode (training or evaluation). The active name stays. Throws where another of
   * its name adds to the same outputs.
   */
  add(adapter: LoRA): void {
    check("LoRALinear: the adapter", adapter, adapterExpected);
    const [first, end] = [adapter.firstOutput, adapter.firstOutput + adapter.outputs];
    const other = this.adapters.find((one) =>
      one.name === adapter.name && one.firstOutput < end && first < one.firstOutput + one.outputs);
    if (other || end > this.base.weight.shape[0] || adapter.a.weight.shape[1] !== this.base.weight.shape[1]) {
      const problem = other ? `it has an adapter ${quote(other.name)} of these outputs` : "the adapter is of another layer";
      throw new ModuleError("invalid-argument", `LoRALinear: ${problem}`);
    }
    this.adapters.push(adapter.train(this.training));
  }

  /** Takes out the adapters of a name, and frees them. */
  remove(name: string): void {
    check("LoRALinear: the name", name, text);
    for (const adapter of this.adapters.filter((one) => one.name === name)) {
      this.adapters.splice(this.adapters.indexOf(adapter), 1);
      adapter.dispose();
    }
  }

  /** `[…, inputs]` → `[…, outputs]`; the options are those of `linear`. */
  forward(x: Tensor, options: LinearOptions = {}): Tensor {
    const active = this.adapters.filter(({ name }) => name === this.#active).sort((a, b) => a.firstOutput - b.firstOutput);
    if (active.length === 0) return this.base.forward(x, options);
    const { activation, residual } = options;
    // Kernels add a residual behind the activation, and the change belongs before it.
    if (!activation) return scope(() => this.base.forward(x, { residual: this.changeOf(x, active, residual) }));
    return scope(() => {
      const y = activations[activation](this.base.forward(x, { residual: this.changeOf(x, active) }));
      return residual ? add(y, residual) : y;
    });
  }

  /** What adapters add to the outputs, plus `residual`. */
  private changeOf(x: Tensor, adapters: readonly LoRA[], residual?: Tensor): Tensor {
    const [outputs] = this.base.weight.shape;
    if (adapters.length === 1 && adapters[0].outputs === outputs) return adapters[0].forward(x, residual);
    return scope(() => {
      const lead = x.shape.slice(0, -1);
      const columns: Tensor[] = [];
      let next = 0;
      const fillTo = (end: number): void => {
        if (end > next) columns.push(zeros([...lead, end - next], { backend: x.backend }));
        next = end;
      };
      for (const adapter of adapters) {
        fillTo(adapter.firstOutput);
        columns.push(adapter.forward(x));
        next += adapter.outputs;
      }
      fillTo(outputs);
      const change = concat(columns, lead.length);
      return residual ? add(change, residual) : change;
    });
  }
}

const linearExpected = /* @__PURE__ */ valueThat("a Linear layer", (value) => value instanceof Linear);
const adapterExpected = /* @__PURE__ */ valueThat("a LoRA", (value) => value instanceof LoRA);
