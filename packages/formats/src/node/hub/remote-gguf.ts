import type { RandomAccessFile, ReadableFolder } from "../../files/random-access.ts";
import { checkRange } from "../../files/random-access.ts";
import { chooseGGUF } from "../../gguf/choose.ts";
import { checkRepository } from "../../hub-names.ts";
import type { Repository, RepositoryFile } from "../../hub-repository.ts";
import { PassingFailure, UnreachableError } from "../../open-request.ts";
import { CachedRepository } from "./cache-layout.ts";
import { addressOf } from "./download.ts";
import { checkModelName } from "./model.ts";
import { askRepository } from "./repository.ts";
import { HubRequests } from "./requests.ts";
import type { Answer } from "./requests.ts";
import { selected } from "./select-files.ts";
import { hubSettings } from "./settings.ts";
import type { HubOptions } from "./settings.ts";

/** A GGUF file on the hub, and what opens it and the others that it is split over by their paths. */
export interface RemoteGGUF {
  readonly folder: ReadableFolder;
  readonly file: string;
}

/**
 * The GGUF file that a name on the hub stands for, read by ranges where it lies: for its header. Undefined where `downloadModel` has nothing
 * of that kind to download: the name stands for a folder, or the file is in the cache, or the cache is all there is. Throws as `downloadModel` does.
 *
 * @example
 * const remote = await openRemoteGGUF("ggml-org/SmolLM2-360M-Instruct-GGUF:Q8_0");
 */
export async function openRemoteGGUF(name: string, options?: HubOptions): Promise<RemoteGGUF | undefined> {
  const model = checkModelName("openRemoteGGUF", name);
  const settings = await hubSettings("openRemoteGGUF", options);
  const { revision } = checkRepository(model.name, settings.revision ?? model.revision);
  if (settings.offline) return undefined;
  const requests = new HubRequests(settings);
  let repository: Repository;
  try {
    repository = await askRepository(requests, model.name, revision);
  } catch (error) {
    if (error instanceof UnreachableError) return undefined;
    throw error;
  }
  const { files, commit } = repository;
  const [file] = (await selected(model.name, () => chooseGGUF(new Set(files.keys()), model.gguf))) ?? [];
  const first = file === undefined ? undefined : files.get(file);
  const cache = new CachedRepository(settings.cacheDirectory, model.name);
  if (!first || (await cache.hasFile(commit, first.path, first.hash.hex, first.size))) return undefined;
  const folder: ReadableFolder = {
    name: `${settings.endpoint}/${model.name}`,
    open: (path) => {
      const found = files.get(path);
      return Promise.resolve(found && remoteFile(requests, repository, found));
    },
  };
  return { folder, file: first.path };
}

function remoteFile(requests: HubRequests, repository: Repository, file: RepositoryFile): RandomAccessFile {
  const url = addressOf(requests, repository, file);
  const question = { url, repository: repository.name, what: `file ${file.path} of ${repository.name}` };
  return {
    name: url,
    size: file.size,
    close: () => Promise.resolve(),
    async read(offset, length) {
      checkRange(this, offset, length);
      if (length === 0) return new Uint8Array(0);
      return requests.ask(question, (answer) => bytesOf(answer, offset, length), () => ({ range: `bytes=${offset}-${offset + length - 1}` }));
    },
  };
}

/** The bytes that were asked for, of an answer that has them or, where the server knows no ranges, all. */
async function bytesOf({ status, headers, chunks }: Answer, offset: number, length: number): Promise<Uint8Array> {
  const first = status === 206 ? Number(/^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1]) : 0;
  if (status === 416 || (status === 206 && first !== offset)) throw new PassingFailure("the server answers with another range than it was asked for");
  const bytes = new Uint8Array(length);
  let at = first - offset;
  for await (const chunk of chunks) {
    const part = chunk.subarray(Math.max(0, -at), Math.max(0, length - at));
    bytes.set(part, Math.max(0, at));
    at += chunk.length;
    if (at >= length) return bytes;
  }
  throw new PassingFailure(`the answer ended ${length - at} bytes before what was asked for`);
}
