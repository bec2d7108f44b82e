import { deepStrictEqual, strictEqual } from "node:assert";
import { crc32 } from "node:zlib";

/** The files of an archive that compresses nothing, as its directory has them, checked: APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16. */
export function entriesOf(zip: Buffer): Map<string, Buffer> {
  const entries = new Map<string, Buffer>();
  const end = zip.length - 22;
  strictEqual(zip.readUInt32LE(end), 0x06054b50);
  let at = zip.readUInt32LE(end + 16);
  for (let count = zip.readUInt16LE(end + 10); count > 0; count--) {
    deepStrictEqual([zip.readUInt32LE(at), zip.readUInt16LE(at + 8), zip.readUInt16LE(at + 10)], [0x02014b50, 0x0800, 0]);
    const [crc, size, nameLength] = [zip.readUInt32LE(at + 16), zip.readUInt32LE(at + 24), zip.readUInt16LE(at + 28)];
    const local = zip.readUInt32LE(at + 42);
    strictEqual(zip.readUInt32LE(local), 0x04034b50);
    // What is in front of the contents says the same.
    deepStrictEqual(zip.subarray(local + 4, local + 30), zip.subarray(at + 6, at + 32));
    const content = zip.subarray(local + 30 + nameLength, local + 30 + nameLength + size);
    strictEqual(crc32(content), crc);
    entries.set(zip.toString("utf8", at + 46, at + 46 + nameLength), content);
    at += 46 + nameLength;
  }
  strictEqual(at, end);
  return entries;
}
