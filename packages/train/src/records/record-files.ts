import { callback, flag, listOf, object, oneOf, optional, quote, text, wholeNumber } from "@gpt/tensor";
import { check, checkAll, invalidOption, signalExpected } from "../checks.ts";
import { TrainError } from "../errors.ts";
import { readCsvRecords } from "./csv-records.ts";
import type { ParseCsv } from "./csv-records.ts";
import type { DataFile } from "./data-file.ts";
import { invalidRecord } from "./found-record.ts";
import type { FoundRecord, ReadingOptions } from "./found-record.ts";
import { readJsonRecords } from "./json-records.ts";
import { readLineRecords, readWholeText } from "./text-records.ts";

/**
 * What files of text hold. "json": an object a line (JSONL), or one array of objects. "csv", "tsv": a header, then a record a line or
 * more. "lines": each line that is not blank as `{ text }`. "text": a whole file as `{ text }`.
 */
export type TextRecordFormat = "json" | "csv" | "tsv" | "lines" | "text";

/** How records are read. */
export interface RecordOptions<Format extends string = TextRecordFormat> {
  /** Default: by the ending of each file. */
  readonly format?: Format;
  /**
   * The columns that are wanted, by the names that they shall have, as `{ text: "sentence", label: "class" }`. Others are left
   * out; a record without one of them is refused. Default: all, by their names.
   */
  readonly columns?: Readonly<Record<string, string>>;
  /** The names of the columns of CSV and TSV, whose first line is a record then. Default: the first line names them. */
  readonly header?: readonly string[];
  /** Whether quotes in CSV and TSV enclose fields. Default true; false takes them as they are. */
  readonly quotes?: boolean;
  /** Longer records are refused, other than of Parquet. Default 16 MiB. */
  readonly maxRecordBytes?: number;
  /** Called after about each megabyte, and at last. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number; readonly records: number }) => void;
  /** Ends the reading: the next record throws its reason. */
  readonly signal?: AbortSignal;
}

/** A record, and where it is. */
export interface DataRecord extends FoundRecord {
  readonly file: string;
}

export type Reader = (file: DataFile, options: ReadingOptions) => AsyncGenerator<FoundRecord, void, undefined>;

/** What reads each format. */
export function textReaders(parse: ParseCsv): Readonly<Record<TextRecordFormat, Reader>> {
  return {
    json: readJsonRecords,
    csv: (file, options) => readCsvRecords(file, { delimiter: ",", parse }, options),
    tsv: (file, options) => readCsvRecords(file, { delimiter: "\t", parse }, options),
    lines: readLineRecords,
    text: readWholeText,
  };
}

export const textEndings: Readonly<Record<string, TextRecordFormat>> = {
  ".json": "json", ".jsonl": "json", ".ndjson": "json", ".csv": "csv", ".tsv": "tsv", ".txt": "lines",
};

/** Checks all options but those that are of one place alone. */
export function checkRecordOptions(options: RecordOptions<string>, formats: readonly string[]): void {
  checkAll<RecordOptions<string>>(options, {
    format: optional(oneOf(formats)), columns: optional(object), header: optional(listOf(text)), quotes: optional(flag),
    maxRecordBytes: optional(wholeNumber(1, 2 ** 29)), onProgress: optional(callback), signal: signalExpected,
  });
  if (options.columns) checkColumns(options.columns);
}

/** The format of a file by its ending. */
export function formatOf<Format>(name: string, endings: Readonly<Record<string, Format>>): Format {
  const ending = /\.[^./\\]+$/.exec(name)?.[0].toLowerCase() ?? "";
  if (Object.hasOwn(endings, ending)) return endings[ending];
  throw new TrainError(
    "unsupported-data",
    `the ending of ${name} is that of no format of records (${Object.keys(endings).join(", ")}); pass format`,
  );
}

/** A file that is to be read, in its way. */
export interface FileToRead {
  readonly file: DataFile;
  readonly read: Reader;
  readonly size: number;
}

/** The records of files, one after another. Throws `empty-data` where there is none. */
export async function* recordsOf(
  files: readonly FileToRead[], options: RecordOptions<string> & { readonly maxGroupBytes?: number }, given: string,
): AsyncGenerator<DataRecord, void, undefined> {
  const { columns, header, quotes = true, maxRecordBytes = 2 ** 24, maxGroupBytes = 2 ** 29, onProgress, signal } = options;
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  let [bytes, reported, records, end] = [0, 0, 0, 0];
  const wanted = columns && Object.values(columns);
  const reading = { maxRecordBytes, maxGroupBytes, wanted, quotes, header, onBytes: (read: number) => void (bytes += read) };
  for (const { file, read, size } of files) {
    end += size;
    for await (const found of read(file, reading)) {
      signal?.throwIfAborted();
      records++;
      yield { file: file.name, line: found.line, value: columns ? choose(found, file.name, columns) : found.value };
      if (bytes - reported < 2 ** 20) continue;
      reported = bytes;
      onProgress?.({ bytes, totalBytes, records });
    }
    bytes = end; // Of Parquet, not all was read.
  }
  signal?.throwIfAborted();
  if (records === 0) throw new TrainError("empty-data", `there is no record in ${given}; give a file that has some`);
  onProgress?.({ bytes, totalBytes, records });
}

function checkColumns(columns: Readonly<Record<string, string>>): void {
  const names = Object.keys(columns);
  if (names.length === 0) throw invalidOption("columns must name a column at least");
  for (const name of names) check(`columns.${name}`, columns[name], text);
}

function choose({ value, line }: FoundRecord, file: string, columns: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => {
    if (Object.hasOwn(value, column)) return [name, value[column]];
    const names = Object.keys(value);
    const there = names.slice(0, 10).map(quote).join(", ") + (names.length > 10 ? ", …" : "");
    throw invalidRecord(file, `line ${line}`, `there is no column ${quote(column)}, which columns.${name} names; there are ${there || "none"}`);
  }));
}
