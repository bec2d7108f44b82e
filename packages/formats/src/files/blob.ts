import { checkArgument, optional, text, valueThat } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";
import { checkRange } from "./random-access.ts";
import type { RandomAccessFile } from "./random-access.ts";

const blobExpected = valueThat("a Blob or File", (value) => value instanceof Blob);

/**
 * A `File` that a user chose, or any `Blob`, to be read by ranges: nothing is read before it is asked for. `name` is for
 * messages; default: the file's own. Throws `invalid-input`; reading throws `read-failed` where the file has changed since.
 *
 * @example
 * const header = await readHeader(openBlob(input.files[0]));
 */
export function openBlob(blob: Blob, name?: string): RandomAccessFile {
  const fail = (problem: string): FormatError => new FormatError("invalid-input", `openBlob: ${problem}`);
  checkArgument("blob", blob, blobExpected, fail);
  checkArgument("name", name, optional(text), fail);
  const shown = name ?? (blob instanceof File ? blob.name : "blob");
  return {
    name: shown,
    size: blob.size,
    async read(offset, length) {
      checkRange(this, offset, length);
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        throw new FormatError("read-failed", `${shown} cannot be read: ${(cause as Error).message}; choose it again`, { cause });
      }
    },
    close: () => Promise.resolve(),
  };
}
