import type { RandomAccessFile } from "@gpt/formats";
import { TrainError } from "../errors.ts";
import { checkKind } from "./file-kind.ts";
import { InvalidUtf8, Utf8Decoder } from "./utf8.ts";

/** A file of data: by its path, or one that a user chose. */
export interface DataFile {
  /** For messages. */
  readonly name: string;
  open(): Promise<RandomAccessFile>;
}

const chunkBytes = 2 ** 20;

/** The text of a file, about a megabyte at once. */
export async function* decodeFile(file: DataFile): AsyncGenerator<string, void, undefined> {
  const decoder = new Utf8Decoder();
  try {
    for await (const { bytes, last } of readChunks(file)) yield decoder.decode(bytes, last);
  } catch (error) {
    if (!(error instanceof InvalidUtf8)) throw error;
    throw new TrainError("invalid-utf8", `${file.name}: ${error.message}; convert the file to UTF-8`, { cause: error });
  }
}

/** The bytes of a file of text, about a megabyte at once; of an empty file, one chunk without any. Refuses what is no text. */
export async function* readChunks(
  { name, open }: DataFile,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly last: boolean }, void, undefined> {
  const file = await open();
  try {
    for (let offset = 0, last = false; !last; offset += chunkBytes) {
      const bytes = await file.read(offset, Math.min(chunkBytes, file.size - offset));
      last = offset + bytes.length === file.size;
      if (offset === 0) checkKind(name, bytes, "text");
      checkZeros(name, bytes, offset);
      yield { bytes, last };
    }
  } finally {
    await file.close();
  }
}

/** Zero bytes are valid UTF-8, but what has them is UTF-16, an archive, or no text at all. */
function checkZeros(name: string, bytes: Uint8Array, offset: number): void {
  const index = bytes.indexOf(0);
  if (index < 0) return;
  throw new TrainError(
    "unsupported-data",
    `${name}: the byte 0x00 at offset ${offset + index} is in no text: the file is binary, or text in UTF-16; ` +
      "convert it to UTF-8, or take such bytes out",
  );
}
