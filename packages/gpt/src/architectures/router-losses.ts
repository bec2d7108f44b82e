import type { ExpertsConfig } from "../config.ts";
import type { ConfigFields } from "../folder/config-fields.ts";
import type { ConfigRules } from "./config-rules.ts";

/** The fields of `config.json` for losses of routers, by the rules of transformers: see decoder-config.ts. */
export const routerLossRules: ConfigRules = {
  // (M) MixtralForCausalLM, GptOssForCausalLM: the loss is added where router logits are asked for, and not otherwise.
  router_aux_loss_coef: "read",
  output_router_logits: "read",
  // models/switch_transformers (C): of that name there. The classes of decoders ignore it; this package writes it.
  router_z_loss_coef: "read",
};

/** `coefficient` is what a class has where the file says nothing. */
export function readRouterLosses(fields: ConfigFields, coefficient: number): Pick<ExpertsConfig, "balanceLoss" | "zLoss"> {
  const read = (name: string, fallback: number): number =>
    fields.number(name, fallback, "a number from 0", (value) => value >= 0 && value < Infinity);
  return {
    ...(fields.flag("output_router_logits", false) ? { balanceLoss: read("router_aux_loss_coef", coefficient) } : {}),
    ...(fields.has("router_z_loss_coef") ? { zLoss: read("router_z_loss_coef", 0) } : {}),
  };
}

export function writeRouterLosses({ balanceLoss, zLoss }: ExpertsConfig): Record<string, unknown> {
  return {
    output_router_logits: balanceLoss !== undefined,
    ...(balanceLoss === undefined ? {} : { router_aux_loss_coef: balanceLoss }),
    ...(zLoss === undefined ? {} : { router_z_loss_coef: zLoss }),
  };
}
