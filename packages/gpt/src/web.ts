export { isHubName, listDownloads, removeDownload } from "@gpt/formats/web";
export type { KeptDownload, UrlProgress, WebSource, WebSourceOptions } from "@gpt/formats/web";
export { loadModel, planModel, saveGGUF, saveModel } from "./web/model.ts";
export type { LoadModelOptions, SaveGGUFOptions, SaveModelOptions } from "./web/model.ts";
export { roomIn } from "./web/room.ts";
export type { SaveTarget } from "./web/target.ts";
