import { extname } from "node:path";
import { callback, flag, object, oneOf, optional, quote, text, wholeNumber } from "@gpt/tensor";
import { checkAll, check, invalidOption, signalExpected } from "../../checks.ts";
import { TrainError } from "../../errors.ts";
import { sizeOfDataFile } from "../data-file.ts";
import { pathsExpected } from "../paths.ts";
import { readCsvRecords } from "./csv-records.ts";
import { findFiles } from "./find-files.ts";
import { invalidRecord } from "./found-record.ts";
import type { FoundRecord, ReadingOptions } from "./found-record.ts";
import { readJsonRecords } from "./json-records.ts";
import { readParquetRecords } from "./parquet-records.ts";
import { readLineRecords, readWholeText } from "./text-records.ts";

/**
 * What files hold. "json": an object a line (JSONL), or one array of objects. "csv", "tsv": a header, then a record a line or
 * more. "parquet": rows. "lines": each line that is not blank as `{ text }`. "text": a whole file as `{ text }`.
 */
export type RecordFormat = "json" | "csv" | "tsv" | "parquet" | "lines" | "text";

export interface ReadRecordsOptions {
  /**
   * Default: by the ending of each file: .json, .jsonl, .ndjson; .csv; .tsv; .parquet; .txt as "lines".
   */
  readonly format?: RecordFormat;
  /**
   * The columns that are wanted, by the names that they shall have, as `{ text: "sentence", label: "class" }`. Others are left
   * out; a record without one of them is refused. Default: all, by their names.
   */
  readonly columns?: Readonly<Record<string, string>>;
  /** Whether quotes in CSV and TSV enclose fields. Default true; false takes them as they are. */
  readonly quotes?: boolean;
  /** Longer records are refused, other than of Parquet. Default 16 MiB. */
  readonly maxRecordBytes?: number;
  /** Row groups of Parquet whose columns take more, once decompressed, are refused: each is in memory as a whole. Default 512 MiB. */
  readonly maxGroupBytes?: number;
  /** Called after about each megabyte, and at last. */
  readonly onProgress?: (progress: { readonly bytes: number; readonly totalBytes: number; readonly records: number }) => void;
  /** Ends the reading: the next record throws its reason. */
  readonly signal?: AbortSignal;
}

/** A record, and where it is. */
export interface DataRecord extends FoundRecord {
  readonly file: string;
}

/**
 * The records of files, one after another in the given order, in little memory. Paths may be patterns (`data/*.jsonl`) and
 * folders, whose files come by name. Throws `missing-file`, `read-failed`; `unsupported-data` for compressed, binary and other files that
 * are not of the format, and for endings of no format; `invalid-utf8` and `invalid-record`, which name file, line and what to
 * do; `empty-data` where there is no record at all; `invalid-option`.
 */
export async function* readRecords(
  paths: readonly string[], options: ReadRecordsOptions = {},
): AsyncGenerator<DataRecord, void, undefined> {
  check("paths", paths, pathsExpected);
  checkAll(options, {
    format: optional(oneOf(Object.keys(readers))), columns: optional(object), quotes: optional(flag),
    maxRecordBytes: optional(wholeNumber(1, 2 ** 29)), maxGroupBytes: optional(wholeNumber(1, 2 ** 32)), onProgress: optional(callback), signal: signalExpected,
  });
  const { columns, maxRecordBytes = 2 ** 24, maxGroupBytes = 2 ** 29, onProgress, signal } = options;
  if (columns) checkColumns(columns);
  const files: { readonly file: string; readonly read: Reader; readonly end: number }[] = [];
  let totalBytes = 0;
  for (const file of await findFiles(paths, Object.keys(endings))) {
    const read = readers[options.format ?? formatOf(file)];
    totalBytes += await sizeOfDataFile(file);
    files.push({ file, read, end: totalBytes });
  }
  let [bytes, reported, records] = [0, 0, 0];
  const wanted = columns && Object.values(columns);
  const reading = { maxRecordBytes, maxGroupBytes, wanted, quotes: options.quotes ?? true, onBytes: (read: number) => void (bytes += read) };
  for (const { file, read, end } of files) {
    for await (const found of read(file, reading)) {
      signal?.throwIfAborted();
      records++;
      yield { file, line: found.line, value: columns ? choose(found, file, columns) : found.value };
      if (bytes - reported < 2 ** 20) continue;
      reported = bytes;
      onProgress?.({ bytes, totalBytes, records });
    }
    bytes = end; // Of Parquet, not all was read.
  }
  signal?.throwIfAborted();
  if (records === 0) throw new TrainError("empty-data", `there is no record in ${paths.join(", ")}; give a file that has some`);
  onProgress?.({ bytes, totalBytes, records });
}

type Reader = (path: string, options: ReadingOptions & { readonly quotes: boolean }) => AsyncGenerator<FoundRecord, void, undefined>;

const readers: Readonly<Record<RecordFormat, Reader>> = {
  json: readJsonRecords,
  csv: (path, options) => readCsvRecords(path, ",", options.quotes, options),
  tsv: (path, options) => readCsvRecords(path, "\t", options.quotes, options),
  parquet: readParquetRecords,
  lines: readLineRecords,
  text: readWholeText,
};

const endings: Readonly<Record<string, RecordFormat>> = {
  ".json": "json", ".jsonl": "json", ".ndjson": "json", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet", ".txt": "lines",
};

function formatOf(path: string): RecordFormat {
  const ending = extname(path).toLowerCase();
  if (Object.hasOwn(endings, ending)) return endings[ending];
  throw new TrainError(
    "unsupported-data",
    `the ending of ${path} is that of no format of records (${Object.keys(endings).join(", ")}); pass format`,
  );
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
