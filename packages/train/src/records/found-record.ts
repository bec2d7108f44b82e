import { TrainError } from "../errors.ts";

/** A record as a reader of one format finds it. */
export interface FoundRecord {
  readonly value: Record<string, unknown>;
  /** The line where it begins, from 1; of Parquet the row. */
  readonly line: number;
}

/** What a reader of one format is given. */
export interface ReadingOptions {
  readonly maxRecordBytes: number;
  /** Of CSV and TSV: whether quotes enclose fields, and the names of the columns, where the first line has none. */
  readonly quotes: boolean;
  readonly header?: readonly string[];
  /** Of row groups of Parquet, decompressed. */
  readonly maxGroupBytes: number;
  /** The columns that are needed, where not all are. */
  readonly wanted?: readonly string[];
  /** Told how many bytes were read. */
  readonly onBytes: (bytes: number) => void;
}

export function invalidRecord(path: string, place: string, problem: string, cause?: unknown): TrainError {
  return new TrainError("invalid-record", `${path}, ${place}: ${problem}`, { cause });
}

export function tooLong(path: string, line: number, maxRecordBytes: number): TrainError {
  return invalidRecord(
    path, `line ${line}`, `the record that begins here has more than ${maxRecordBytes} bytes; divide it, or raise maxRecordBytes`,
  );
}
