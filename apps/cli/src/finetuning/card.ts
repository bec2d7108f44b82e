import { basename, resolve } from "node:path";
import type { ModelCardOptions } from "@gpt/gpt";
import type { DoneEvent } from "@gpt/train";
import { formatCount } from "../format.ts";
import { code, repositoryOf, sourceLink } from "../model-card.ts";
import type { FinetuneOptions } from "./options.ts";

/** What the card of a tuned model says: what it was made from, by which task, and how well it does on validation data. */
export async function cardOf(options: FinetuneOptions, out: string, { step, validationLoss, metrics }: DoneEvent): Promise<ModelCardOptions> {
  const { model, data, task, batch = 8, accumulate = 1 } = options;
  const repository = await repositoryOf(model);
  const files = data.map((file) => code(basename(file))).join(", ");
  const measured = Object.entries({ ...(validationLoss !== null && { loss: validationLoss }), ...metrics });
  const figures = measured.map(([name, value]) => `${name} ${value.toFixed(4)}`).join(", ");
  return {
    name: basename(resolve(out)),
    origin: `It was made from ${sourceLink(repository, basename(model))} by \`gpt finetune --task ${task}\` on ${files}: ${formatCount(step)} steps of ${formatCount(batch * accumulate)} examples` +
      `${figures && `; on validation data: ${figures}`}.`,
    baseModel: repository,
  };
}
