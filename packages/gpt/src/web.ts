export { listDownloads, removeDownload } from "@gpt/formats/web";
export type { KeptDownload, UrlProgress, WebSource, WebSourceOptions } from "@gpt/formats/web";
export { loadModel, planModel, saveModel } from "./web/model.ts";
export type { LoadModelOptions, SaveModelOptions } from "./web/model.ts";
export { roomIn } from "./web/room.ts";
