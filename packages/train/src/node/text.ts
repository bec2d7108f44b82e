import { check } from "../checks.ts";
import { TrainError } from "../errors.ts";
import { openDataFile } from "./data-file.ts";
import { checkKind } from "./file-kind.ts";
import { pathsExpected } from "./paths.ts";
import { tokenizablePieces } from "./pieces.ts";
import { InvalidUtf8, Utf8Decoder } from "./utf8.ts";

const chunkBytes = 2 ** 20;

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
    for await (const text of tokenizablePieces(decodeFile(path))) {
      empty = false;
      yield { path, text };
    }
  }
  if (empty) throw new TrainError("empty-data", `there is no text in ${paths.join(", ")}; give a file that has some`);
}

/** The text of a file, about a megabyte at once. */
export async function* decodeFile(path: string): AsyncGenerator<string, void, undefined> {
  const decoder = new Utf8Decoder();
  try {
    for await (const { bytes, last } of readChunks(path)) yield decoder.decode(bytes, last);
  } catch (error) {
    if (!(error instanceof InvalidUtf8)) throw error;
    throw new TrainError("invalid-utf8", `${path}: ${error.message}; convert the file to UTF-8`, { cause: error });
  }
}

/** The bytes of a file of text, about a megabyte at once; of an empty file, one chunk without any. Refuses what is no text. */
export async function* readChunks(
  path: string,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly last: boolean }, void, undefined> {
  const file = await openDataFile(path);
  try {
    for (let offset = 0, last = false; !last; offset += chunkBytes) {
      const bytes = await file.read(offset, Math.min(chunkBytes, file.size - offset));
      last = offset + bytes.length === file.size;
      if (offset === 0) checkKind(path, bytes, "text");
      checkZeros(path, bytes, offset);
      yield { bytes, last };
    }
  } finally {
    await file.close();
  }
}

/** Zero bytes are valid UTF-8, but what has them is UTF-16, an archive, or no text at all. */
function checkZeros(path: string, bytes: Uint8Array, offset: number): void {
  const index = bytes.indexOf(0);
  if (index < 0) return;
  throw new TrainError(
    "unsupported-data",
    `${path}: the byte 0x00 at offset ${offset + index} is in no text: the file is binary, or text in UTF-16; ` +
      "convert it to UTF-8, or take such bytes out",
  );
}
