export { listDownloads, removeDownload } from "./web/block-store.ts";
export type { KeptDownload } from "./web/block-store.ts";
export { openDirectoryHandle, openFileList } from "./web/file-list.ts";
export type { RequestOptions } from "./web/requests.ts";
export { downloadFiles, writeFiles } from "./web/save.ts";
export { openSource } from "./web/source.ts";
export type { OpenedSource, WebSource, WebSourceOptions } from "./web/source.ts";
export { openUrlFolder } from "./web/url-folder.ts";
export type { UrlFolderOptions, UrlProgress } from "./web/url-folder.ts";
