import { quote } from "@gpt/common";
import { FormatError } from "./errors.ts";
import { isPlainName } from "./files/output-file.ts";

/** As `validate_repo_id` of huggingface_hub 1.x (src/huggingface_hub/utils/_validators.py), with an owner. */
const repositoryName = /^[\w.-]{1,96}\/[\w.-]{1,96}$/;

/** What a text names on the hub. */
export interface HubName {
  /** The repository, `OWNER/NAME`. */
  readonly name: string;
  /** What follows `@`: a branch, tag or commit. */
  readonly revision: string | undefined;
  /** One of its GGUF files: by its path, or by what is behind `:`, a part of the path such as `Q8_0`. */
  readonly gguf: GGUFChoice | undefined;
}

export type GGUFChoice = { readonly path: string } | { readonly quantization: string };

/** What a text names on the hub, or undefined where it is no such name: `OWNER/NAME`, `OWNER/NAME:Q8_0`, `OWNER/NAME/PATH.gguf`, each with `@REVISION`. */
export function parseHubName(text: string): HubName | undefined {
  if (typeof text !== "string") return undefined;
  const at = text.indexOf("@");
  const [before, revision] = at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  const [, name, mark, rest] = /^([^/]*\/[^/:]*)(?:([/:])(.*))?$/.exec(before) ?? [];
  if (name === undefined || !isRepositoryName(name)) return undefined;
  if (mark === undefined) return { name, revision, gguf: undefined };
  if (mark === ":") return /^[\w.-]{1,96}$/.test(rest) ? { name, revision, gguf: { quantization: rest } } : undefined;
  return /\.gguf$/i.test(rest) && isRepositoryPath(rest) ? { name, revision, gguf: { path: rest } } : undefined;
}

/**
 * Whether a text can name a model on the Hugging Face hub: `OWNER/NAME`, such as `openai-community/gpt2`; a GGUF file of a repository, by
 * how it is quantized (`OWNER/NAME:Q8_0`) or by its path (`OWNER/NAME/model.gguf`). A revision may follow: `openai-community/gpt2@main`.
 */
export function isHubName(text: string): boolean {
  return parseHubName(text) !== undefined;
}

/** Whether a text can be the name of a repository: `OWNER/NAME`. */
export function isRepositoryName(text: string): boolean {
  return repositoryName.test(text) && text.length <= 96 && !/--|\.\.|(?:^|\/)[-.]|[-.](?:\/|$)|\.git$/.test(text);
}

/** The repository and the revision that a caller means. Throws `invalid-input`. */
export function checkRepository(text: string, revision: string | undefined): { readonly name: string; readonly revision: string } {
  const { name, gguf, revision: behindName } = parseHubName(text) ?? {};
  if (name === undefined || gguf !== undefined) {
    throw new FormatError("invalid-input", `${quote(text)} is no name of a repository; write OWNER/NAME, such as openai-community/gpt2`);
  }
  const chosen = revision ?? behindName ?? "main";
  // As git's names of branches and tags; it becomes a file under refs/.
  if (isRepositoryPath(chosen) && /^[\w./+-]{1,200}$/.test(chosen)) return { name, revision: chosen };
  throw new FormatError("invalid-input", `${quote(chosen)} is no revision; give a branch, a tag or a commit`);
}

/** Whether a path of a file in a repository, or of a reference, stays in its folder on every system. */
export function isRepositoryPath(path: string): boolean {
  const parts = path.split("/");
  // Windows drops dots and spaces at the end of a name, and has devices of these names in each folder.
  return path.length <= 1024 && parts.length <= 32 && parts.every((part) =>
    isPlainName(part) && !/\p{Cc}|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/iu.test(part) && part.length <= 200);
}

/** Whether a revision is a commit, whose files never change. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/** The name of a repository's folder in the cache. */
export function cacheFolderName(name: string): string {
  return `models--${name.replace("/", "--")}`;
}
