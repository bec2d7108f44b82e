export { nodeFileOperations, systemCode } from "./node/file-operations.ts";
export type { FileOperations, WritableFile } from "./node/file-operations.ts";
export { listFolder, openFolder } from "./node/folder.ts";
export { checkPath, pathExpected } from "./node/path.ts";
export { publishFiles, publishFolder } from "./node/publish.ts";
export type { PublishFilesOptions, PublishFolderOptions } from "./node/publish.ts";
export { openRegularFile, readRegularFile } from "./node/regular-file.ts";
export { removeFolder } from "./node/remove.ts";
export { removeLeftovers } from "./node/temporary-names.ts";
