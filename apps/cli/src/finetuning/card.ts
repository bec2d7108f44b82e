import { basename, resolve } from "node:path";
import type { ModelCardOptions } from "@gpt/gpt";
import type { DoneEvent } from "@gpt/train";
import { exists } from "../files.ts";
import { formatCount } from "../format.ts";
import { code } from "../model-card.ts";
import type { FinetuneOptions } from "./options.ts";

/** What the card of a tuned model says: what it was made from, by which task, and how well it does on validation data. */
export async function cardOf(options: FinetuneOptions, out: string, { step, validationLoss, metrics }: DoneEvent): Promise<ModelCardOptions> {
  const { model, data, task, batch = 8, accumulate = 1 } = options;
  const isOfHub = /^[\w.-]{1,96}\/[\w.-]{1,96}$/.test(model) && !(await exists(model));
  const from = isOfHub ? `[${model}](https://huggingface.co/${model})` : code(basename(model));
  const files = data.map((file) => code(basename(file))).join(", ");
  const measured = Object.entries({ ...(validationLoss !== null && { loss: validationLoss }), ...metrics });
  const figures = measured.map(([name, value]) => `${name} ${value.toFixed(4)}`).join(", ");
  return {
    name: basename(resolve(out)),
    origin: `It was made from ${from} by \`gpt finetune --task ${task}\` on ${files}: ${formatCount(step)} steps of ${formatCount(batch * accumulate)} examples` +
      `${figures && `; on validation data: ${figures}`}.`,
    baseModel: isOfHub ? model : undefined,
  };
}
