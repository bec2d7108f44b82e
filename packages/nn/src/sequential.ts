import { scope, valueThat } from "@gpt/tensor";
import type { AnyTensor, Tensor } from "@gpt/tensor";
import { check } from "./checks.ts";
import { Module } from "./module.ts";

/** A module that makes one tensor of one. */
export type Layer<Input extends AnyTensor = Tensor> = Module & { forward(x: Input): Tensor };

const layerExpected = valueThat("a module with a method forward", (value) => value instanceof Module && "forward" in value);

/**
 * Layers one after the other. Their paths are their numbers from 0, as in PyTorch: `2.weight` is that of the third layer.
 *
 * ```ts
 * const network = new Sequential(new Linear(2, 8), new Tanh(), new Linear(8, 1));
 * const y = network.forward(x); // [4, 2] → [4, 1]
 * ```
 */
export class Sequential<Input extends AnyTensor = Tensor> extends Module {
  readonly [index: number]: Layer;

  /** The first layer may take ids: `new Sequential(new Embedding(27, 8), new Linear(8, 27))`. */
  constructor(first: Layer<Input>, ...rest: readonly Layer[]) {
    super();
    const layers = [first, ...rest];
    for (const [index, layer] of layers.entries()) check(`Sequential: layer ${index}`, layer, layerExpected);
    Object.assign(this, layers);
  }

  /** What the last layer makes of it. What the others make is freed, but for what the tape holds. */
  forward(x: Input): Tensor {
    return scope(() => {
      let y: AnyTensor = x;
      for (const [, layer] of this.children()) {
        y = (layer as Layer<AnyTensor>).forward(y);
      }
      return y as Tensor;
    });
  }
}
