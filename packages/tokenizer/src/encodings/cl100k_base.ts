import { table } from "../generated/cl100k_base.ts";
import { encoding } from "./open.ts";

/** The tokenizer of GPT-3.5 and GPT-4. */
export const cl100kBase = /* @__PURE__ */ encoding("cl100k_base", table);
