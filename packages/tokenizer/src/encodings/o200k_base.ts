import { table } from "../generated/o200k_base.ts";
import { encoding } from "./open.ts";

/** The tokenizer of GPT-4o and its successors. */
export const o200kBase = /* @__PURE__ */ encoding("o200k_base", table);
