// Internal, for the packages of this project: pathExpected, systemCode, openRegularFile, readRegularFile, removeLeftovers.
export { nodeFileOperations, systemCode } from "./node/file-operations.ts";
export type { FileOperations, WritableFile } from "./node/file-operations.ts";
export { openFolder } from "./node/folder.ts";
export { loadModel, resolveModelDirectory, saveModel } from "./node/model-folder.ts";
export type { SaveOptions } from "./node/model-folder.ts";
export { pathExpected } from "./node/path.ts";
export { publishFiles, publishFolder } from "./node/publish.ts";
export type { PublishFilesOptions, PublishFolderOptions } from "./node/publish.ts";
export { openRegularFile, readRegularFile } from "./node/regular-file.ts";
export { removeFolder } from "./node/remove.ts";
export { removeLeftovers } from "./node/temporary-names.ts";
