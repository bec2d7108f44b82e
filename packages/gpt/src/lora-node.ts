export { loadAdapter, saveAdapter } from "./node/adapter-folder.ts";
export type { LoadAdapterOptions, SaveAdapterOptions } from "./node/adapter-folder.ts";
