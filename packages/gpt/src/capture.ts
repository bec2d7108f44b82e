import { checkArgument, keep, listOf, noGrad, objectWith, scope, Tensor, tensor, text, wholeNumber } from "@gpt/tensor";
import { GPTError } from "./errors.ts";
import type { Hook, HookName } from "./hooks.ts";
import type { GPT } from "./model.ts";

/**
 * Runs the model on `ids`, one sequence of token ids or a tensor `[B, T]`, and gives activations by name, in the shapes that
 * `HookName` says. Runs under `noGrad`, without dropout, and leaves every part of the model in its mode. As with every op,
 * the results belong to the `scope` in which it is called, else to the caller, who disposes them. Throws `invalid-input`,
 * `context-overflow`, and `unknown-hook` for a name that the model does not have.
 *
 * @example
 * const { "blocks.3.attention.pattern": pattern } = captureActivations(model, ids, ["blocks.3.attention.pattern"]);
 * console.log(pattern.shape, await pattern.data()); // [1, heads, tokens, tokens]: each row is a query, and sums to 1
 */
export function captureActivations<Name extends HookName>(
  model: GPT,
  ids: readonly number[] | Tensor<"i32">,
  names: readonly Name[],
): { readonly [N in Name]: Tensor } {
  checkArgument("model", model, objectWith("a GPT", "hidden()", "forward()", "evaluating()"), invalid);
  checkArgument("names", names, listOf(text), invalid);
  const captured = new Map<HookName, Tensor>();
  // Whatever scopes of the model it was made in, what is kept is freed here.
  const capture: Hook = (activation, name) => void captured.set(name, keep(activation.detach()));
  const hooks = Object.fromEntries(names.map((name) => [name, capture]));
  const needsHead = (names as readonly string[]).includes("logits");
  try {
    noGrad(() =>
      scope(() => {
        const input = ids instanceof Tensor ? ids : sequenceOf(ids, model);
        model.evaluating(() => void (needsHead ? model.forward(input, { hooks }) : model.hidden(input, { hooks })));
      }),
    );
    const results = Array.from(captured, ([name, activation]) => [name, activation.detach()]);
    return Object.fromEntries(results) as { readonly [N in Name]: Tensor };
  } finally {
    for (const activation of captured.values()) activation.dispose();
  }
}

/** A sequence of ids as a tensor `[1, T]`. */
function sequenceOf(ids: readonly number[], { config, backend }: GPT): Tensor<"i32"> {
  checkArgument("ids", ids, listOf(wholeNumber(0, config.vocabSize - 1)), invalid);
  return tensor(Int32Array.from(ids), { shape: [1, ids.length], backend });
}

function invalid(problem: string): GPTError {
  return new GPTError("invalid-input", `captureActivations: ${problem}`);
}
