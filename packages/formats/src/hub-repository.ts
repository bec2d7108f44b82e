import { quote } from "@gpt/common";
import { isCommit, isRepositoryPath } from "./hub-names.ts";
import { JsonReader } from "./json-reader.ts";

/** A file of a repository at a commit. */
export interface RepositoryFile {
  /** Its path in the repository. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** What its contents are named by, and must agree with. */
  readonly hash: { readonly kind: "sha256" | "git-sha1"; readonly hex: string };
}

/** A repository as it is at a commit. */
export interface Repository {
  readonly name: string;
  readonly commit: string;
  readonly files: ReadonlyMap<string, RepositoryFile>;
}

/** What the hub says of a repository of a hundred thousand files takes less. */
export const mostAnswerBytes = 2 ** 26;

/** What the hub says of a repository: `HfApi.model_info(files_metadata=True)` of huggingface_hub. Throws `invalid-file`. */
export function readRepository(json: Uint8Array, name: string, url: string): Repository {
  const reader = new JsonReader(json, url);
  let commit: string | undefined;
  const files = new Map<string, RepositoryFile>();
  reader.object((key) => {
    if (key === "sha") commit = reader.string();
    else if (key === "siblings") {
      reader.array(() => {
        const file = readFile(reader);
        if (files.has(file.path)) throw reader.error(`the file ${quote(file.path)} appears twice`);
        files.set(file.path, file);
      });
    } else reader.skip();
  });
  reader.end();
  if (commit === undefined || !isCommit(commit)) throw reader.error("the answer names no commit; check HF_ENDPOINT");
  return { name, commit, files };
}

function readFile(reader: JsonReader): RepositoryFile {
  let path: string | undefined;
  let size: number | undefined;
  let git: string | undefined;
  let sha256: string | undefined;
  reader.object((key) => {
    if (key === "rfilename") path = reader.string();
    else if (key === "size" && reader.peek() === "number") size = reader.number();
    else if (key === "blobId" && reader.peek() === "string") git = reader.string();
    else if (key === "lfs" && reader.peek() === "object") {
      reader.object((field) => {
        if (field === "sha256") sha256 = reader.string();
        else if (field === "size") size = reader.number();
        else reader.skip();
      });
    } else reader.skip();
  });
  if (path === undefined) throw reader.error("a file has no name");
  if (!isRepositoryPath(path)) throw reader.error(`${quote(path)} is no path of a file that can be kept`);
  const hex = sha256 ?? git ?? "";
  if (!(sha256 === undefined ? /^[0-9a-f]{40}$/ : /^[0-9a-f]{64}$/).test(hex)) throw reader.error(`the file ${quote(path)} has no hash`);
  if (!Number.isSafeInteger(size) || size! < 0) throw reader.error(`the file ${quote(path)} has no size`);
  return { path, size: size!, hash: { kind: sha256 === undefined ? "git-sha1" : "sha256", hex } };
}
