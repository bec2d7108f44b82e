import { useBackend } from "@gpt/tensor";
import { meta } from "@gpt/tensor/meta";
import type { Architecture } from "../architectures/architecture.ts";
import { runsOf } from "../layout.ts";
import { GPT } from "../model.ts";
import { slotsOf } from "../slots.ts";
import { architectureOf } from "../folder/save.ts";

/** A linear layer as the model's class in Hugging Face's transformers has it: rows of a linear layer of ours, or all of them. */
export interface LinearModule {
  /** Its path in that class: `model.layers.3.self_attn.q_proj`. */
  readonly name: string;
  /** The path of the layer that has its rows: `blocks.3.attention.qkv`. */
  readonly path: string;
  readonly firstOutput: number;
  readonly outputs: number;
  readonly inputs: number;
  /** Whether its class is Conv1D, which holds its matrix transposed. */
  readonly isConv1D: boolean;
}

/**
 * The linear layers of a model in the order of declaration, whatever is wrapped around them: of all matrices of products those
 * that the layout of its kind of folder names, except routers and experts, which are no linear layers in transformers v5, a
 * head that is the embedding, and one of classes, which is trained itself. Throws `unsupported-model` where none of the kinds can hold the model.
 */
export function linearModulesOf(model: GPT, architectures: readonly Architecture[]): LinearModule[] {
  const { chosen, written } = architectureOf(model, architectures);
  const names = chosen.tensorsOf(written);
  const plan = useBackend(meta(), () => new GPT(model.config));
  return [...slotsOf(plan)].flatMap((slot) => {
    const path = /^(.*)\.weight$/.exec(slot.path)?.[1];
    const layout = names.layoutOf(slot);
    const isProduct = slot.role === "matrix" || (slot.role === "head" && model.config.head.type !== "classes");
    if (path === undefined || !layout || !isProduct || path.endsWith(".router")) return [];
    const [, inputs] = slot.shape;
    return runsOf(layout, slot).map(({ tensor, first, count, strides: [row, column] }) => ({
      name: (names.fullName?.(tensor) ?? tensor).replace(/\.weight$/, ""),
      path, firstOutput: first, outputs: count, inputs, isConv1D: row < column,
    }));
  });
}

/** Whether a layer is the head, which `all-linear` leaves out. */
export function isHead({ path }: LinearModule): boolean {
  return path === "head";
}
