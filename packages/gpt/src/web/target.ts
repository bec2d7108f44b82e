import { downloadFiles, writeFiles } from "@gpt/formats/web";
import type { OutputFile } from "@gpt/formats";
import { checkArgument, objectWith } from "@gpt/tensor";
import { GPTError } from "../errors.ts";

/** Where files go: into a folder, or as an archive of this name that the browser saves. */
export type SaveTarget = FileSystemDirectoryHandle | { readonly download: string };

export const targetExpected = objectWith("the handle of a folder, or { download: \"name\" }");

export function checkTarget(call: string, target: SaveTarget): void {
  checkArgument("target", target, targetExpected, (problem) => new GPTError("invalid-input", `${call}: ${problem}`));
}

/** `obsolete` says which files of a folder go. */
export async function writeTo(target: SaveTarget, files: readonly OutputFile[], obsolete?: (name: string) => boolean): Promise<void> {
  if ("download" in target) await downloadFiles(target.download, files);
  else await writeFiles(target, files, obsolete);
}
