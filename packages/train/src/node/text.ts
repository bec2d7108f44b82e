import { TrainError } from "../errors.ts";
import { fileError } from "./file-error.ts";
import { tokenizablePieces } from "./pieces.ts";
import { openForReading } from "./token-file.ts";
import { InvalidUtf8, Utf8Decoder } from "./utf8.ts";

const chunkBytes = 2 ** 20;

/**
 * The text of UTF-8 files, one after another, in pieces of about a megabyte, so that files larger than memory can be
 * tokenised: the tokens of the pieces are those of the whole (see `tokenizablePieces`). A byte order mark is no text.
 * Throws `missing-file`, `unreadable-file`, `invalid-utf8`, which names the byte, and `empty-data` where there is none.
 */
export async function* readText(paths: readonly string[]): AsyncGenerator<string, void, undefined> {
  for await (const { text } of readFiles(paths)) yield text;
}

/** The same, with the path of the file that each piece comes from. */
export async function* readFiles(
  paths: readonly string[],
): AsyncGenerator<{ readonly path: string; readonly text: string }, void, undefined> {
  let empty = true;
  for (const path of paths) {
    for await (const text of tokenizablePieces(decodeFile(path))) {
      empty = false;
      yield { path, text };
    }
  }
  if (empty) throw new TrainError("empty-data", `there is no text in ${paths.join(", ")}; give a file that has some`);
}

async function* decodeFile(path: string): AsyncGenerator<string, void, undefined> {
  const file = await openForReading(path);
  const decoder = new Utf8Decoder();
  const chunk = new Uint8Array(chunkBytes);
  try {
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunkBytes);
      yield decoder.decode(chunk.subarray(0, bytesRead), bytesRead === 0);
      if (bytesRead === 0) return;
    }
  } catch (error) {
    if (error instanceof InvalidUtf8) {
      throw new TrainError("invalid-utf8", `${path}: ${error.message}; convert the file to UTF-8`, { cause: error });
    }
    throw error instanceof TrainError ? error : fileError(path, error);
  } finally {
    await file.close();
  }
}
