import { quote, Tensor } from "@gpt/tensor";
import type { BlockConfig } from "./config.ts";
import { GPTError } from "./errors.ts";

/**
 * Looks at an activation; a tensor that it returns, of the same shape, takes the activation's place. Gradients flow
 * through both. It runs inside a scope: `keep(tensor.detach())` what is to outlive the forward pass.
 */
export type Hook = (activation: Tensor, name: HookName) => Tensor | undefined | void;

/** The activations of each block; only experts have a router. */
const inBlock = ["attention.pattern", "attention.output", "attention.residual", "mlp.router", "mlp.hidden", "residual"] as const;
/** Those around the blocks. */
const around = ["embed", "residual", "logits"] as const;

/**
 * The name of an activation. With `B` sequences of `T` tokens that see `S`, `H` heads, `C` = dim, and blocks from 0:
 * - `embed` [B·T, C]: token plus position vectors
 * - `blocks.N.attention.pattern` [B, H, T, S]: the weights of each head over keys
 * - `blocks.N.attention.output` [B·T, H·headDim]: the heads' results, before the projection
 * - `blocks.N.attention.residual` [B·T, C]: the residual stream between attention and feed-forward
 * - `blocks.N.mlp.router` [B·T, experts]: the scores of experts, in blocks that have them
 * - `blocks.N.mlp.hidden` [B·T, hiddenDim]: after the activation function; with experts [B·T·active, hiddenDim], those of a
 *   token one behind the other, from the one with the highest score on
 * - `blocks.N.residual` [B·T, C]: the residual stream behind the block
 * - `residual` [B·T, C]: what the head reads: the stream after the final normalization
 * - `logits` [B, T, vocabSize]
 */
export type HookName = (typeof around)[number] | `blocks.${number}.${(typeof inBlock)[number]}`;

/**
 * Hooks by the name of the activation.
 *
 * @example
 * model.forward(ids, { hooks: { "blocks.0.mlp.hidden": (hidden) => mul(hidden, 0) } });
 */
export type Hooks = { readonly [Name in HookName]?: Hook };

/** Passes an activation through the hook of that name, if there is one. */
export function applyHook(hooks: Hooks | undefined, name: HookName, activation: Tensor): Tensor {
  const result = hooks?.[name]?.(activation, name) ?? activation;
  if (!(result instanceof Tensor)) {
    throw new GPTError("invalid-input", `the hook ${name} returned ${quote(result)}, expected a tensor or nothing`);
  }
  if (result.shape.join() !== activation.shape.join()) {
    throw new GPTError(
      "invalid-input",
      `the hook ${name} returned [${result.shape.join(", ")}], expected [${activation.shape.join(", ")}]`,
    );
  }
  return result;
}

/** Refuses hooks that are not functions, and names of activations that a model of these blocks does not have. */
export function checkHooks(hooks: Hooks, blocks: readonly BlockConfig[]): void {
  const known = new Set<string>(around);
  const found = blocks.map(({ mlp }) => inBlock.filter((name) => name !== "mlp.router" || mlp.type === "experts"));
  for (const [layer, names] of found.entries()) for (const name of names) known.add(`blocks.${layer}.${name}`);
  for (const [name, hook] of Object.entries<unknown>(hooks)) {
    if (typeof hook !== "function") {
      throw new GPTError("invalid-input", `the hook ${quote(name)} must be a function, not ${quote(hook)}`);
    }
    if (!known.has(name)) {
      throw new GPTError(
        "unknown-hook",
        `there is no hook point ${quote(name)}; there are ${around.join(", ")}, and in the blocks.0 to ` +
          `blocks.${blocks.length - 1}: ${[...new Set(found.flat())].join(", ")}`,
      );
    }
  }
}
