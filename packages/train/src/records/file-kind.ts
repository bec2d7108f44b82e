import { TrainError } from "../errors.ts";

/** A format that is neither text nor bare token ids, and what makes it either. */
interface FileKind {
  readonly begins: string;
  readonly name: string;
  readonly remedy: string;
}

const unpack = "unpack it first";
const toUTF8 = "convert it to UTF-8";
const exportText = "write the text that it holds to a text file first";

/** Formats of data by the bytes they begin with, each a character; of those of which one begins another, it is first. */
const kinds: readonly FileKind[] = [
  { begins: "\x1f\x8b\x08", name: "compressed with gzip", remedy: unpack },
  { begins: "\x28\xb5\x2f\xfd", name: "compressed with Zstandard", remedy: unpack },
  { begins: "\xfd7zXZ\0", name: "compressed with xz", remedy: unpack },
  { begins: "BZh91AY&SY", name: "compressed with bzip2", remedy: unpack },
  { begins: "\x04\x22\x4d\x18", name: "compressed with LZ4", remedy: unpack },
  { begins: "PK\x03\x04", name: "a zip archive", remedy: unpack },
  { begins: "PAR1\x15", name: "a Parquet file", remedy: exportText },
  { begins: "ARROW1\0\0", name: "an Arrow file", remedy: exportText },
  { begins: "\x89HDF\r\n", name: "an HDF5 file", remedy: exportText },
  { begins: "SQLite format 3\0", name: "an SQLite database", remedy: exportText },
  { begins: "%PDF-", name: "a PDF document", remedy: exportText },
  {
    begins: "\x93NUMPY",
    name: "a NumPy array",
    remedy: 'write the ids alone: numpy.load(…).astype("uint16").tofile("ids.bin"), or "uint32" beyond 65536 of them',
  },
];

/** The marks of encodings other than UTF-8. As token ids their bytes are nothing special. */
const encodings: readonly FileKind[] = [
  { begins: "\xff\xfe\0\0", name: "text in UTF-32", remedy: toUTF8 },
  { begins: "\0\0\xfe\xff", name: "text in UTF-32", remedy: toUTF8 },
  { begins: "\xff\xfe", name: "text in UTF-16", remedy: toUTF8 },
  { begins: "\xfe\xff", name: "text in UTF-16", remedy: toUTF8 },
];

/**
 * Refuses the bytes with which files of other formats begin, where text is expected or token ids: what can be read as
 * either would be learnt without a word. Throws `unsupported-data`.
 */
export function checkKind(path: string, head: Uint8Array, expected: "text" | "token ids"): void {
  const begin = String.fromCharCode(...head.subarray(0, 16));
  const kind = [...kinds, ...(expected === "text" ? encodings : [])].find(({ begins }) => begin.startsWith(begins));
  if (!kind) return;
  throw new TrainError("unsupported-data", `${path} is ${kind.name}, not ${expectedName[expected]}; ${kind.remedy}`);
}

const expectedName = { "text": "text in UTF-8", "token ids": "token ids" };
