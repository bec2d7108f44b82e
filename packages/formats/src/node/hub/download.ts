import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { FormatError } from "../../errors.ts";
import { nodeFileOperations } from "../file-operations.ts";
import { PartialFile } from "./partial-file.ts";
import { PassingFailure } from "../../open-request.ts";
import type { Repository, RepositoryFile } from "../../hub-repository.ts";
import type { Answer, HubRequests } from "./requests.ts";

/**
 * Downloads the contents of a file into the folder of blobs, where they have their hash as name once they are complete and
 * agree with it. What an earlier attempt left is continued. `onBytes` is told how many bytes are there.
 */
export async function downloadBlob(
  requests: HubRequests, repository: Repository, file: RepositoryFile, blobs: string, onBytes: (bytes: number) => void,
): Promise<void> {
  const { onNote, signal } = requests.settings;
  let told = false;
  const onWait = (): void => {
    if (!told) onNote(`another process downloads ${file.path}; waiting for it`);
    told = true;
  };
  const partial = await PartialFile.claim(blobs, file.hash.hex, onWait, signal);
  if (!partial) return onBytes(file.size);
  try {
    await fill(requests, repository, file, partial, onBytes);
    await partial.publish(join(blobs, file.hash.hex));
    await nodeFileOperations.syncDirectory(blobs);
  } finally {
    partial.release();
  }
}

/** A second time from the beginning: what was continued may be the damage of another day. */
async function fill(
  requests: HubRequests, repository: Repository, file: RepositoryFile, partial: PartialFile, onBytes: (bytes: number) => void,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const handle = await open(partial.path, "a+");
    try {
      await receive(requests, repository, file, handle, onBytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if ((await hashOf(partial.path, file, requests.settings.signal)) === file.hash.hex) return;
    await partial.remove();
    if (attempt < 2) continue;
    const advice = "the server, or what lies between, gives other bytes; try again, or by another network";
    throw new FormatError("download-failed", `${repository.name}: ${file.path} does not agree with its ${file.hash.kind}: ${advice}`);
  }
}

async function receive(
  requests: HubRequests, repository: Repository, file: RepositoryFile, handle: FileHandle, onBytes: (bytes: number) => void,
): Promise<void> {
  let { size: received } = await handle.stat();
  const restart = async (): Promise<void> => {
    await handle.truncate(0);
    received = 0;
  };
  if (received > file.size) await restart();
  onBytes(received);
  if (received === file.size) return;
  const { name } = repository;
  const url = addressOf(requests, repository, file);
  const what = `file ${file.path} of ${name}`;
  const store = async (answer: Answer): Promise<void> => {
    if (answer.status === 416) {
      await restart();
      throw new PassingFailure("the server has not the range that it should have (416)");
    }
    if (answer.status === 200) await restart();
    checkLength(answer, received, file);
    for await (const chunk of answer.chunks) {
      if (received + chunk.length > file.size) throw new PassingFailure(`the server gives more than the ${file.size} bytes that the file has`);
      await writeAll(handle, chunk);
      received += chunk.length;
      onBytes(received);
    }
    if (received < file.size) throw new PassingFailure(`the answer ended after ${received} of ${file.size} bytes`);
  };
  const range = (): Record<string, string> => (received > 0 ? { range: `bytes=${received}-` } : {});
  await requests.ask({ url, repository: name, what }, store, range, () => received);
}

/** Where a file is asked for. */
export function addressOf({ settings }: HubRequests, { name, commit }: Repository, file: RepositoryFile): string {
  return `${settings.endpoint}/${name}/resolve/${commit}/${file.path.split("/").map(encodeURIComponent).join("/")}`;
}

/** Before a byte is stored: whether the server means the same part of the same file. */
function checkLength({ status, headers }: Answer, received: number, { size }: RepositoryFile): void {
  const [, first, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (status === 206 && (Number(first) !== received || Number(total) !== size)) {
    throw new PassingFailure("the server answers with another range than it was asked for");
  }
  const length = headers.get("content-length");
  const isPlain = !headers.has("content-encoding");
  if (isPlain && length !== null && Number(length) !== size - received) {
    throw new PassingFailure(`the server wants to give ${length} bytes, where ${size - received} are missing`);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, written);
    if (bytesWritten === 0) throw new FormatError("write-failed", "the system writes no more bytes");
    written += bytesWritten;
  }
}

/** Of what is on the disk, not of what arrived: it is what will be read. */
async function hashOf(path: string, { hash }: RepositoryFile, signal?: AbortSignal): Promise<string> {
  const hasher = createHash(hash.kind === "sha256" ? "sha256" : "sha1");
  if (hash.kind === "git-sha1") hasher.update(`blob ${(await stat(path)).size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20, signal })) hasher.update(chunk as Buffer);
  return hasher.digest("hex");
}
