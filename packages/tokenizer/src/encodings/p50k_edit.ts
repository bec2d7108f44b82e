import { table } from "../generated/p50k_base.ts";
import { encoding } from "./open.ts";

/** p50k_base with special tokens to fill in the middle of a text. */
export const p50kEdit = /* @__PURE__ */ encoding("p50k_edit", table);
