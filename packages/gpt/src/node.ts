export { nodeFileOperations } from "./node/file-operations.ts";
export type { FileOperations, WritableFile } from "./node/file-operations.ts";
export { openFolder } from "./node/folder.ts";
export { loadModel, resolveModelDirectory, saveModel } from "./node/model-folder.ts";
export type { SaveOptions } from "./node/model-folder.ts";
// Internal: for the packages of this project.
export { ensureDirectory } from "./node/publish.ts";
export { publishFiles, publishFolder } from "./node/publish.ts";
export type { PublishFilesOptions, PublishFolderOptions } from "./node/publish.ts";
// Internal: for the packages of this project, which read files in no other way.
export { openRegularFile, readRegularFile } from "./node/regular-file.ts";
export { removeFolder } from "./node/remove.ts";
// Internal, as above.
export { removeLeftovers } from "./node/temporary-names.ts";
