import { crc32 } from "@gpt/common";
import { FormatError } from "../errors.ts";
import type { OutputFile } from "../files/output-file.ts";

/** The format's sizes and positions have 32 bits. */
const most = 2 ** 32 - 2;

/**
 * Files in a folder of an archive (PKWARE's APPNOTE 6.3, stored as they are: weights do not shrink). Throws `write-failed` for more than 4 GB.
 */
export async function zipOf(folder: string, files: Iterable<OutputFile>): Promise<Blob> {
  const parts: BlobPart[] = [];
  const directory: Uint8Array<ArrayBuffer>[] = [];
  let position = 0;
  for (const { name, chunks } of files) {
    const path = new TextEncoder().encode(`${folder}/${name}`);
    const content: Blob[] = [];
    let [crc, size] = [0, 0];
    for await (const chunk of chunks) {
      crc = crc32(chunk, crc);
      size += chunk.length;
      // A copy, which the browser may put on the disk.
      content.push(new Blob([chunk as Uint8Array<ArrayBuffer>]));
    }
    if (position + size > most) throw new FormatError("write-failed", `${folder}.zip: an archive has at most 4 GB; save into a folder`);
    // Version 2.0, names in UTF-8, no compression, the first of January 1980; then what both headers have.
    const common = fields([2, 20], [2, 0x0800], [2, 0], [2, 0], [2, 0x21], [4, crc], [4, size], [4, size], [2, path.length], [2, 0]);
    const local = joined(fields([4, 0x04034b50]), common, path);
    directory.push(joined(fields([4, 0x02014b50], [2, 20]), common, fields([2, 0], [2, 0], [2, 0], [4, 0], [4, position]), path));
    parts.push(local, ...content);
    position += local.length + size;
  }
  const length = directory.reduce((total, entry) => total + entry.length, 0);
  const count = directory.length;
  const end = fields([4, 0x06054b50], [2, 0], [2, 0], [2, count], [2, count], [4, length], [4, position], [2, 0]);
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

/** Unsigned integers of the given widths in bytes, little-endian. */
function fields(...values: readonly (readonly [bytes: 2 | 4, value: number])[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values.flatMap(([bytes, value]) => Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 255)));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
