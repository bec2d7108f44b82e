export { loadAdapter, saveAdapter } from "./web/adapter.ts";
export type { LoadAdapterOptions, SaveAdapterOptions } from "./web/adapter.ts";
