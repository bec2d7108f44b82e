import { check } from "../checks.ts";
import { TrainError } from "../errors.ts";
import { decodeFile } from "../records/data-file.ts";
import type { DataFile } from "../records/data-file.ts";
import { openDataFile } from "./data-file.ts";
import { pathsExpected } from "./paths.ts";
import { tokenizablePieces } from "./pieces.ts";

/**
 * The text of UTF-8 files, one after another, in pieces of about a megabyte, so that files larger than memory can be
 * tokenised: the tokens of the pieces are those of the whole (see `tokenizablePieces`). A byte order mark is no text.
 * Throws `missing-file`; `read-failed`, for pipes too, which could not be read a second time; `invalid-utf8`, which
 * names the byte; `unsupported-data` for compressed, binary and other files that are no text; `empty-data` where there
 * is none.
 */
export async function* readText(paths: readonly string[]): AsyncGenerator<string, void, undefined> {
  for await (const { text } of readFiles(paths)) yield text;
}

/** The same, with the path of the file that each piece comes from. */
export async function* readFiles(
  paths: readonly string[],
): AsyncGenerator<{ readonly path: string; readonly text: string }, void, undefined> {
  check("paths", paths, pathsExpected);
  let empty = true;
  for (const path of paths) {
    for await (const text of tokenizablePieces(decodeFile(fileAt(path)))) {
      empty = false;
      yield { path, text };
    }
  }
  if (empty) throw new TrainError("empty-data", `there is no text in ${paths.join(", ")}; give a file that has some`);
}

/** The file of a path. */
export function fileAt(path: string): DataFile {
  return { name: path, open: () => openDataFile(path) };
}
