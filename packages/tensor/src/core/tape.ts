import type { DType } from "../dtype.ts";
import { TensorError } from "../errors.ts";
import { runSynchronously } from "./region.ts";
import { keep, scope } from "./scope.ts";
import type { AnyTensor, Tensor } from "./tensor.ts";

/** What a gradient rule gets. */
export interface GradientContext<Saved extends readonly AnyTensor[]> {
  /** The gradient of the loss with respect to the op's output, with its shape. */
  readonly grad: Tensor;
  /** What the op saved, in its order. */
  readonly saved: Saved;
  /** Whether the gradient of input `i` is wanted. */
  readonly needs: (input: number) => boolean;
  /**
   * The existing gradient of input `i`, when that input is a leaf which already has one: a rule that adds to it in
   * place, and returns undefined for it, spares a buffer and a pass.
   */
  readonly accumulator: (input: number) => Tensor | undefined;
}

/** A gradient rule: for each input its gradient, with the input's shape, or undefined where none flows. */
export type GradientRule<Saved extends readonly AnyTensor[]> = (
  context: GradientContext<Saved>,
) => readonly (Tensor | undefined)[];

/** Where the gradient of an input goes: on to the op that made it, into a leaf, or nowhere. */
export type Edge =
  | { readonly kind: "node"; readonly node: GradientNode }
  | { readonly kind: "leaf"; readonly leaf: Tensor }
  | { readonly kind: "none" };

let recording = true;
let created = 0;

/** Runs `region` without recording: its results need no gradient, and nothing is saved for one. */
export function noGrad<T>(region: () => T): T {
  const previous = recording;
  recording = false;
  try {
    return runSynchronously("noGrad", region);
  } finally {
    recording = previous;
  }
}

/** Runs `region` with recording, even inside of `noGrad`. */
export function recordAgain<T>(region: () => T): T {
  const previous = recording;
  recording = true;
  try {
    return region();
  } finally {
    recording = previous;
  }
}

/** The op that is made of others, while it runs. */
let composed: string | undefined;

/** A scope for an op that is made of others: what is recorded in it goes by the name of the op that was called. */
export function composite(op: string, region: () => Tensor): Tensor {
  const outer = composed;
  composed ??= op;
  try {
    return scope(region);
  } finally {
    composed = outer;
  }
}

/** Whether an op with these inputs has to save what its gradient needs. */
export function needsGradient(inputs: readonly AnyTensor[]): boolean {
  return recording && inputs.some((input) => input.requiresGrad || input.node !== undefined);
}

/**
 * Enters an op into the tape, where a gradient can flow: from then on the output knows how to pass its gradient on.
 * `saved` are the tensors that the rule reads; the tape holds them until `backward` or until the output is freed.
 * Returns the output.
 */
export function record<const Saved extends readonly AnyTensor[]>(
  op: string,
  inputs: readonly AnyTensor[],
  output: Tensor,
  saved: Saved,
  rule: GradientRule<Saved>,
): Tensor {
  if (needsGradient(inputs)) output.attach(new GradientNode(composed ?? op, inputs, saved, rule as unknown as AnyRule));
  return output;
}

type AnyRule = GradientRule<readonly AnyTensor[]>;

/** One op on the tape. It lives as long as a tensor or a later op refers to it. */
export class GradientNode {
  readonly op: string;
  /** Later ops have larger numbers, so that descending order is a topological one. */
  readonly order = created++;
  readonly edges: readonly Edge[];
  readonly #rule: AnyRule;
  #saved: readonly { readonly tensor: AnyTensor; readonly version: number }[] | undefined;
  #references = 0;

  constructor(op: string, inputs: readonly AnyTensor[], saved: readonly AnyTensor[], rule: AnyRule) {
    this.op = op;
    this.edges = inputs.map(edgeOf);
    for (const edge of this.edges) if (edge.kind === "node") edge.node.retain();
    this.#saved = saved.map((tensor) => ({ tensor: keep(tensor.view()), version: tensor.storage.version }));
    this.#rule = rule;
  }

  retain(): this {
    this.#references++;
    return this;
  }

  release(): void {
    // A chain of thousands of ops is released by a loop, not by recursion.
    const pending: GradientNode[] = [this];
    for (let node = pending.pop(); node; node = pending.pop()) {
      if (--node.#references > 0) continue;
      node.freeSaved();
      for (const edge of node.edges) if (edge.kind === "node") pending.push(edge.node);
    }
  }

  /** The gradients of the inputs, from that of the output. Frees what was saved: a tape runs backward once. */
  backward(grad: Tensor): readonly (Tensor | undefined)[] {
    const saved = this.#saved;
    if (!saved) {
      throw new TensorError(
        "no-gradient",
        `backward: the tape through ${this.op} was already used and freed; run the forward pass again`,
      );
    }
    for (const { tensor, version } of saved) {
      if (tensor.storage.version !== version) {
        throw new TensorError(
          "overwritten",
          `backward: a tensor that ${this.op} needs for its gradient was changed in place after the forward pass`,
        );
      }
    }
    const gradients = this.#rule({
      grad,
      saved: saved.map(({ tensor }) => tensor),
      needs: (input) => this.edges[input].kind !== "none",
      accumulator: (input) => {
        const edge = this.edges[input];
        return edge.kind === "leaf" ? edge.leaf.grad : undefined;
      },
    });
    this.freeSaved();
    return gradients;
  }

  private freeSaved(): void {
    if (this.#saved) for (const { tensor } of this.#saved) tensor.dispose();
    this.#saved = undefined;
  }
}

function edgeOf(input: Tensor<DType>): Edge {
  if (input.node) return { kind: "node", node: input.node };
  if (input.requiresGrad) return { kind: "leaf", leaf: input as unknown as Tensor };
  return { kind: "none" };
}
