export { loadModel, openModel, planModel, resolveModelDirectory, saveModel, writeGGUF } from "./node/model-folder.ts";
export type { LoadModelOptions, SaveOptions } from "./node/model-folder.ts";
export { streamedBytesOf } from "./streamed-blocks.ts";
