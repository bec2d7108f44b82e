import { TrainError } from "../errors.ts";
import { readChunks } from "./data-file.ts";
import type { DataFile } from "./data-file.ts";
import type { FoundRecord, ReadingOptions } from "./found-record.ts";
import { tooLong } from "./found-record.ts";
import { Utf8Decoder } from "./utf8.ts";
import type { InvalidUtf8 } from "./utf8.ts";

/** A line of a file, without its end. */
export interface Line {
  readonly bytes: Uint8Array;
  /** From 1. */
  readonly line: number;
}

const [newline, carriageReturn] = [0x0a, 0x0d];

/** The lines of a file that are not blank, in little memory. */
export async function* readLines(file: DataFile, { maxRecordBytes, onBytes }: ReadingOptions): AsyncGenerator<Line, void, undefined> {
  let line = 1;
  let pieces: Uint8Array[] = [];
  let held = 0;
  let start = true;
  for await (const { bytes: chunk, last } of readChunks(file)) {
    let from = start ? markLength(chunk) : 0;
    start = false;
    while (from < chunk.length || last) {
      const end = chunk.indexOf(newline, from);
      const piece = chunk.subarray(from, end < 0 ? chunk.length : end);
      held += piece.length;
      if (held > maxRecordBytes) throw tooLong(file.name, line, maxRecordBytes);
      pieces.push(piece);
      if (end < 0 && !last) break;
      const bytes = withoutReturn(pieces.length === 1 ? piece : joined(pieces));
      if (!isBlank(bytes)) yield { bytes, line };
      [pieces, held, line] = [[], 0, line + 1];
      if (end < 0) break;
      from = end + 1;
    }
    onBytes(chunk.length);
  }
}

/** Each line that is not blank as `{ text }`. */
export async function* readLineRecords(file: DataFile, options: ReadingOptions): AsyncGenerator<FoundRecord, void, undefined> {
  for await (const { bytes, line } of readLines(file, options)) yield { value: { text: decode(file.name, bytes, line) }, line };
}

/** A whole file as `{ text }`. */
export async function* readWholeText(file: DataFile, { maxRecordBytes, onBytes }: ReadingOptions): AsyncGenerator<FoundRecord, void, undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const { bytes } of readChunks(file)) {
    chunks.push(bytes);
    size += bytes.length;
    if (size > maxRecordBytes) throw tooLong(file.name, 1, maxRecordBytes);
  }
  const bytes = joined(chunks);
  onBytes(size);
  if (!isBlank(bytes)) yield { value: { text: decode(file.name, bytes.subarray(markLength(bytes)), 1) }, line: 1 };
}

/** Bytes of a byte order mark at the beginning of a file. */
export function markLength(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

export function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));
}

function withoutReturn(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text of bytes that begin at the start of a line. */
function decode(path: string, bytes: Uint8Array, line: number): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    const { offset, byte } = firstInvalid(bytes) ?? { offset: 0, byte: "a byte" };
    throw new TrainError(
      "invalid-utf8", `${path}, ${placeOf(bytes, offset, line, 1)}: ${byte} is not valid UTF-8; convert the file to UTF-8`, { cause },
    );
  }
}

function firstInvalid(bytes: Uint8Array): InvalidUtf8 | undefined {
  try {
    new Utf8Decoder().decode(bytes, true);
    return undefined;
  } catch (error) {
    return error as InvalidUtf8;
  }
}

/** Line and column, in characters from 1, of a byte of a text that begins at a line and a column of its file. */
export function placeOf(bytes: Uint8Array, offset: number, line: number, column: number): string {
  const before = bytes.subarray(0, offset);
  const lastBreak = before.lastIndexOf(newline);
  if (lastBreak < 0) return `line ${line}, column ${column + lengthOf(before)}`;
  const breaks = before.reduce((count, byte) => count + (byte === newline ? 1 : 0), 0);
  return `line ${line + breaks}, column ${1 + lengthOf(before.subarray(lastBreak + 1))}`;
}

/** Characters of UTF-8: bytes that continue none. */
export function lengthOf(bytes: Uint8Array): number {
  let length = 0;
  for (const byte of bytes) if ((byte & 0xc0) !== 0x80) length++;
  return length;
}

/** Pieces of bytes as one. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
