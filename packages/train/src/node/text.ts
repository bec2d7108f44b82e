import { TrainError } from "../errors.ts";
import { fileError } from "./file-error.ts";
import { openForReading } from "./token-file.ts";
import { InvalidUtf8, Utf8Decoder } from "./utf8.ts";

const chunkBytes = 2 ** 20;
/** A piece is cut anywhere when it has grown to this many characters without a place that is safe. */
const longestPiece = 2 ** 24;

/**
 * The text of UTF-8 files, one after another, in pieces of about a megabyte, so that files larger than memory can be
 * tokenised. Pieces end between a letter or digit and white space: no pre-tokeniser of the GPT family has a token
 * across that, so that the tokens of the pieces are those of the whole. (Text without any such place is cut anyway,
 * after 16 million characters.) A byte order mark is no text. Throws `missing-file`, `unreadable-file`, and
 * `invalid-utf8`, which names the byte.
 */
export async function* readText(paths: readonly string[]): AsyncGenerator<string, void, undefined> {
  for (const path of paths) {
    let rest = "";
    for await (const text of decodeFile(path)) {
      const searched = rest.length;
      rest += text;
      const end = lastCut(rest, searched);
      if (end > 0) yield rest.slice(0, end);
      rest = rest.slice(end);
    }
    if (rest !== "") yield rest;
  }
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

/** The last position from `start` on between a letter or digit and white space; 0 where there is none. */
function lastCut(text: string, start: number): number {
  for (let i = text.length - 1; i >= Math.max(1, start); i--) {
    // ASCII's white space alone: on the rest, tokenizers written in different languages do not agree.
    if (/[\t\n\r ]/.test(text[i]) && /[\p{L}\p{N}]$/u.test(text.slice(Math.max(0, i - 2), i))) return i;
  }
  if (text.length < longestPiece) return 0;
  const splitsPair = /[\uD800-\uDBFF]/.test(text[text.length - 1]);
  return splitsPair ? text.length - 1 : text.length;
}
