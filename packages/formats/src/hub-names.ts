import { quote } from "@gpt/common";
import { FormatError } from "./errors.ts";
import { isPlainName } from "./files/output-file.ts";

/** As `validate_repo_id` of huggingface_hub 1.x (src/huggingface_hub/utils/_validators.py), with an owner. */
const hubName = /^[\w.-]{1,96}\/[\w.-]{1,96}$/;

/**
 * Whether a text can be the name of a repository on the Hugging Face hub: `OWNER/NAME`, such as `openai-community/gpt2`.
 * A revision may follow: `openai-community/gpt2@main`.
 */
export function isHubName(text: string): boolean {
  if (typeof text !== "string") return false;
  const [name] = splitRevision(text);
  return hubName.test(name) && name.length <= 96 && !/--|\.\.|(?:^|\/)[-.]|[-.](?:\/|$)|\.git$/.test(name);
}

/** A name without its revision, and the revision behind `@`, if there is one. */
export function splitRevision(text: string): [name: string, revision: string | undefined] {
  const at = text.indexOf("@");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** The name and the revision that a caller means. Throws `invalid-input`. */
export function checkRepository(text: string, revision: string | undefined): { readonly name: string; readonly revision: string } {
  const [name, behindName] = splitRevision(text);
  if (!isHubName(text)) {
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
