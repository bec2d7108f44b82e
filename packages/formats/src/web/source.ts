import { quote } from "@gpt/common";
import { callback, readOptions, text } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { isHubName, splitRevision } from "../hub-names.ts";
import type { ReadableFolder } from "../files/random-access.ts";
import { openDirectoryHandle, openFileList, withProgress } from "./file-list.ts";
import { openUrlFolder } from "./url-folder.ts";
import type { UrlFolderOptions } from "./url-folder.ts";

/**
 * Where a model's files lie, for a program in a browser: a name on the Hugging Face hub (`openai-community/gpt2`), the address of a folder, files
 * that a user chose, or a folder's handle.
 */
export type WebSource = string | URL | File | Iterable<File> | FileSystemDirectoryHandle;

/** How they are read. */
export interface WebSourceOptions extends UrlFolderOptions {
  /** Where names lie. Default `https://huggingface.co`. */
  readonly endpoint?: string;
}

/** The folder that a source stands for. Throws `invalid-input`. */
export async function openSource(source: WebSource, options?: WebSourceOptions): Promise<ReadableFolder> {
  const invalid = (problem: string): FormatError => new FormatError("invalid-input", `openSource: ${problem}`);
  const { endpoint = "https://huggingface.co", onProgress } = readOptions<Pick<WebSourceOptions, "endpoint" | "onProgress">>(
    options, { endpoint: text, onProgress: callback }, invalid,
  );
  if (typeof source === "string" && isHubName(source)) {
    const [name, revision = "main"] = splitRevision(source);
    return openUrlFolder(`${endpoint.replace(/\/+$/, "")}/${name}/resolve/${encodeURIComponent(revision)}/`, options);
  }
  if (typeof source === "string" || source instanceof URL) return openUrlFolder(source, options);
  const local = (folder: ReadableFolder): ReadableFolder => (onProgress ? withProgress(folder, onProgress) : folder);
  if (source instanceof File) return local(openFileList([source]));
  if (typeof source === "object" && source !== null) return local(Symbol.iterator in source ? openFileList(source) : openDirectoryHandle(source));
  throw invalid(`${quote(source)} is no name, no address, no File, no list of them, and no handle of a folder`);
}
