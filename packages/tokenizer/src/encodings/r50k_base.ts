import { table } from "../generated/r50k_base.ts";
import { encoding } from "./open.ts";

/** The tokenizer of GPT-3. */
export const r50kBase = /* @__PURE__ */ encoding("r50k_base", table);
