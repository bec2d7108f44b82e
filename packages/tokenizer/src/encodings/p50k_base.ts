import { table } from "../generated/p50k_base.ts";
import { encoding } from "./open.ts";

/** The tokenizer of Codex: r50k_base with tokens for runs of spaces. */
export const p50kBase = /* @__PURE__ */ encoding("p50k_base", table);
