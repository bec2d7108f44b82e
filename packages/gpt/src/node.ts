export { loadModel, planModel, resolveModelDirectory, saveModel } from "./node/model-folder.ts";
export type { SaveOptions } from "./node/model-folder.ts";
