import { table } from "../generated/o200k_base.ts";
import { encoding } from "./open.ts";

/** The tokenizer of gpt-oss: o200k_base with the special tokens of the harmony chat format. */
export const o200kHarmony = /* @__PURE__ */ encoding("o200k_harmony", table);
