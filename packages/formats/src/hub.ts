export { listCachedModels, removeCachedModel } from "./node/hub/cached-models.ts";
export type { CachedModel, CacheOptions } from "./node/hub/cached-models.ts";
export { isHubName } from "./hub-names.ts";
export { downloadModel } from "./node/hub/model.ts";
export { languageModelFiles } from "./node/hub/select-files.ts";
export type { SelectFiles } from "./node/hub/select-files.ts";
export type { DownloadProgress, HubOptions } from "./node/hub/settings.ts";
export { downloadSnapshot } from "./node/hub/snapshot.ts";
export type { SnapshotOptions } from "./node/hub/snapshot.ts";
