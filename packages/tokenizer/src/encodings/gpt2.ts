import { table } from "../generated/r50k_base.ts";
import { encoding } from "./open.ts";

/** GPT-2's tokenizer; the same as r50k_base. */
export const gpt2 = /* @__PURE__ */ encoding("gpt2", table);
