import { quote } from "@gpt/common";
import { callback, readOptions, text } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { parseHubName } from "../hub-names.ts";
import type { HubName } from "../hub-names.ts";
import type { ReadableFolder } from "../files/random-access.ts";
import { openDirectoryHandle, openFileList, ownFiles, withProgress } from "./file-list.ts";
import { addressOf, openUrlFolder } from "./url-folder.ts";
import type { UrlFolderOptions } from "./url-folder.ts";

/**
 * Where a model's files lie, for a program in a browser: a name on the Hugging Face hub (`openai-community/gpt2`, and for a GGUF file
 * `OWNER/NAME:Q8_0` or `OWNER/NAME/model.gguf`), the address of a folder or of a GGUF file, files that a user chose, or a folder's handle.
 */
export type WebSource = string | URL | File | Iterable<File> | FileSystemDirectoryHandle;

/** How they are read. */
export interface WebSourceOptions extends UrlFolderOptions {
  /** Where names lie. Default `https://huggingface.co`. */
  readonly endpoint?: string;
}

/** What a source stands for. */
export interface OpenedSource {
  readonly folder: ReadableFolder;
  /** The GGUF file of the folder that is the model, the first one where it is split. Undefined for a folder in another layout. */
  readonly gguf: string | undefined;
}

/** The folder that a source stands for, and the GGUF file in it that is meant. Throws `invalid-input`, and as the chosen way to read does. */
export async function openSource(source: WebSource, options?: WebSourceOptions): Promise<OpenedSource> {
  const invalid = (problem: string): FormatError => new FormatError("invalid-input", `openSource: ${problem}`);
  const { endpoint = "https://huggingface.co", onProgress } = readOptions<Pick<WebSourceOptions, "endpoint" | "onProgress">>(
    options, { endpoint: text, onProgress: callback }, invalid,
  );
  const named = typeof source === "string" ? parseHubName(source) : undefined;
  if (named) return openNamed(endpoint.replace(/\/+$/, ""), named, options);
  if (typeof source === "string" || source instanceof URL) return openAddress(source, options);
  const local = (folder: ReadableFolder): ReadableFolder => (onProgress ? withProgress(folder, onProgress) : folder);
  if (typeof source === "object" && source !== null && !(source instanceof File) && !(Symbol.iterator in source)) {
    return { folder: local(openDirectoryHandle(source)), gguf: undefined };
  }
  if (typeof source !== "object" || source === null) {
    throw invalid(`${quote(source)} is no name, no address, no File, no list of them, and no handle of a folder`);
  }
  const files = source instanceof File ? [source] : [...source];
  return { folder: local(openFileList(files)), gguf: await ggufAmong(ownFiles(files).files) };
}

/** The address of a folder, or that of a GGUF file. */
async function openAddress(source: string | URL, options: WebSourceOptions | undefined): Promise<OpenedSource> {
  const address = addressOf(source);
  const [, folder, file] = /^(.*\/)([^/]+\.gguf)$/i.exec(address?.pathname ?? "") ?? [];
  if (!address || file === undefined) return { folder: await openUrlFolder(source, options), gguf: undefined };
  address.pathname = folder;
  return { folder: await openUrlFolder(address, options), gguf: decoded(file) };
}

async function openNamed(endpoint: string, { name, revision = "main", gguf }: HubName, options: WebSourceOptions | undefined): Promise<OpenedSource> {
  const root = `${endpoint}/${name}/resolve/${encodeURIComponent(revision)}/`;
  if (gguf && "path" in gguf) return openAddress(root + gguf.path.split("/").map(encodeURIComponent).join("/"), options);
  if (!gguf) {
    const folder = await openUrlFolder(root, options);
    const config = await folder.open("config.json");
    await config?.close();
    if (config) return { folder, gguf: undefined };
  }
  // What asks the hub is loaded where it is asked.
  const { ggufOnHub } = await import("./hub-gguf.ts");
  const path = await ggufOnHub(endpoint, name, revision, gguf, options);
  return path === undefined ? { folder: await openUrlFolder(root, options), gguf: undefined } : openNamed(endpoint, { name, revision, gguf: { path } }, options);
}

/** The GGUF file among those that a user chose; none where they are a folder in the Hugging Face layout. */
async function ggufAmong(files: ReadonlyMap<string, File>): Promise<string | undefined> {
  if (files.has("config.json")) return undefined;
  const found = new Set<string>();
  for (const [name, file] of files) {
    // A damaged one is to be said to be that.
    if (/\.gguf$/i.test(name) || (await file.slice(0, 4).text().catch(() => "")) === "GGUF") found.add(name);
  }
  const [first] = found;
  if (found.size <= 1) return first;
  const { chooseGGUF } = await import("./hub-gguf.ts");
  return chooseGGUF(found, undefined)?.[0] ?? first;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
