import { LoRALinear } from "@gpt/nn";
import { randn } from "@gpt/tensor";
import type { GPT } from "../src/model.ts";

/** Gives all adapters values with which they matter. */
export function fillAdapters(model: GPT): void {
  let stream = 1;
  for (const module of model.modules()) {
    if (!(module instanceof LoRALinear)) continue;
    for (const { a, b, magnitude } of module.adapters) {
      for (const weight of [a.weight, b.weight, ...(magnitude ? [magnitude] : [])]) {
        weight.backend.write(weight, randn(weight.shape, { std: 0.3, key: { seed: [7, 7], stream: [0, stream++] } }).dataSync());
      }
    }
  }
}
