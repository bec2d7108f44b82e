import { join } from "node:path";
import { quote } from "@gpt/common";
import { FormatError } from "../errors.ts";
import { isPlainName } from "../files/output-file.ts";
import type { ReadableFolder } from "../files/random-access.ts";
import { nodeFileOperations, systemCode } from "./file-operations.ts";
import { checkPath } from "./path.ts";
import { openRegularFile, readError } from "./regular-file.ts";

/** A folder on the disk. Its files are read by position; see `openRegularFile`. Throws `invalid-input` and `read-failed`. */
export function openFolder(path: string): ReadableFolder {
  checkPath("openFolder", path);
  return {
    name: path,
    async open(name) {
      if (!isPlainName(name)) throw new FormatError("read-failed", `${path}: ${quote(name)} is not a plain file name`);
      return openRegularFile(join(path, name));
    },
  };
}

/** The names in a folder, or undefined where the path is none. Throws `read-failed`. */
export async function listFolder(path: string): Promise<readonly string[] | undefined> {
  try {
    return await nodeFileOperations.list(path);
  } catch (error) {
    if (systemCode(error) === "ENOTDIR") return undefined;
    throw readError(path, error);
  }
}
