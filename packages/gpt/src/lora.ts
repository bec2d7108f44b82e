export { activeAdapter, adapterNames, addLoRA, mergeAdapter, mergedCopy, removeAdapter, setAdapter } from "./lora/adapters.ts";
export type { AdapterOptions } from "./lora/adapters.ts";
export type { AdapterTargets } from "./lora/targets.ts";
export { adapterFiles, loadAdapterFrom } from "./lora/adapter-files.ts";
export type { AdapterFilesOptions, LoadAdapterOptions } from "./lora/adapter-files.ts";
