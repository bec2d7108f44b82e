export { loadGGUF, openGGUFModel, openGGUFWeights, planGGUF } from "./gguf/load.ts";
export { ggufModelChunks } from "./gguf/save.ts";
export type { GGUFDType, GGUFOptions } from "./gguf/save.ts";
