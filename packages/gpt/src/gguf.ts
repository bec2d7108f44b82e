export { loadGGUF, openGGUFModel, openGGUFWeights, planGGUF } from "./gguf/load.ts";
export { ggufModelChunks, ggufModelFiles } from "./gguf/save.ts";
export type { GGUFDType, GGUFFilesOptions, GGUFOptions } from "./gguf/save.ts";
