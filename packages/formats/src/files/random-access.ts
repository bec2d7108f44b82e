import { objectWith } from "@gpt/common/expectations";
import { FormatError } from "../errors.ts";

/** A file, or anything like one, that is read by ranges, so that large ones are never whole in memory. */
export interface RandomAccessFile {
  /** Its path or address, for messages. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`; the caller owns them. Rejects where the file has fewer. */
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** Accepts a `RandomAccessFile`, or what has its members. */
export const fileExpected = objectWith("a file that is read by ranges (name, size and read)", "name", "size", "read");

/** Throws `read-failed` unless a file has `length` bytes from `offset`. */
export function checkRange({ name, size }: Pick<RandomAccessFile, "name" | "size">, offset: number, length: number): void {
  const end = offset + length;
  if (Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && end <= size) return;
  throw new FormatError("read-failed", `${name} has ${size} bytes: ${length} from byte ${offset} are not there`);
}

/** A folder of files to read: on a disk, behind a server, in memory. */
export interface ReadableFolder {
  /** Its path or address, for messages. */
  readonly name: string;
  /** Opens the file of that name, or gives undefined where there is none. */
  open(name: string): Promise<RandomAccessFile | undefined>;
}
