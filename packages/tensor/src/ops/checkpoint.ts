import { check, checkList } from "../arguments.ts";
import { scope } from "../core/scope.ts";
import { needsGradient, noGrad, record, recordAgain } from "../core/tape.ts";
import type { AnyTensor, Tensor } from "../core/tensor.ts";
import { callback } from "../expectations.ts";
import { checkOperands } from "./operands.ts";

/**
 * What `region` makes of `inputs`, without what its gradient needs: only the inputs are saved, and `backward` runs the region
 * again (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"). It has to compute the same each time. Name the
 * leaves that it uses beside its inputs as `parameters`.
 *
 * ```ts
 * const y = checkpoint((x) => block.forward(x), [x], block.parameters());
 * ```
 */
export function checkpoint<const Inputs extends readonly AnyTensor[]>(
  region: (...inputs: Inputs) => Tensor, inputs: Inputs, parameters: readonly Tensor[] = [],
): Tensor {
  check("checkpoint", "the region", region, callback);
  checkList("checkpoint", "inputs", inputs);
  checkList("checkpoint", "parameters", parameters);
  const all = [...inputs, ...parameters];
  checkOperands("checkpoint", ...all);
  const compute = (): Tensor => {
    const output = region(...inputs);
    checkOperands("checkpoint", output);
    return output;
  };
  if (!needsGradient(all)) return scope(compute);
  const output = noGrad(() => scope(() => compute().view()));
  return record("checkpoint", all, output, inputs, ({ grad, saved, needs }) => {
    const leaves = saved.map((input, i) => {
      const leaf = input.view();
      leaf.requiresGrad = needs(i);
      return leaf;
    });
    // Views of them, since gradients of leaves are added up in other places, and so in other roundings, than those of results.
    const again = recordAgain(() => scope(() => region(...(leaves.map(result) as unknown as Inputs))));
    again.backward(grad);
    return leaves.map((leaf) => leaf.grad?.view());
  });
}

/** A tensor's values as the result of an op, which passes its gradient on. */
function result(x: AnyTensor): AnyTensor {
  const out = x.view();
  return x.requiresGrad ? record("checkpoint", [x], out as Tensor, [], ({ grad }) => [grad]) : out;
}
