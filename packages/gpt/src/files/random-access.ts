import { objectWith } from "@gpt/tensor";

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

export const fileExpected = objectWith("a file that is read by ranges (name, size and read)", "name", "size", "read");

/** A folder of files to read: on a disk, behind a server, in memory. */
export interface ReadableFolder {
  /** Its path or address, for messages. */
  readonly name: string;
  /** Opens the file of that name, or gives undefined where there is none. */
  open(name: string): Promise<RandomAccessFile | undefined>;
}
