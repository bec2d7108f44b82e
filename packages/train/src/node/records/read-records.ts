import { optional, wholeNumber } from "@gpt/tensor";
import { check, checkAll } from "../../checks.ts";
import { checkRecordOptions, formatOf, recordsOf, textEndings, textReaders } from "../../records/record-files.ts";
import type { DataRecord, FileToRead, Reader, RecordOptions, TextRecordFormat } from "../../records/record-files.ts";
import { sizeOfDataFile } from "../data-file.ts";
import { pathsExpected } from "../paths.ts";
import { fileAt } from "../text.ts";
import { findFiles } from "./find-files.ts";
import { readParquetRecords } from "./parquet-records.ts";
import { parseCsv } from "./parse-csv.ts";

/** What files hold: text, or "parquet": rows. */
export type RecordFormat = TextRecordFormat | "parquet";

/** How records are read. The endings of files: .json, .jsonl, .ndjson; .csv; .tsv; .parquet; .txt as "lines". */
export interface ReadRecordsOptions extends RecordOptions<RecordFormat> {
  /** Row groups of Parquet whose columns take more, once decompressed, are refused: each is in memory as a whole. Default 512 MiB. */
  readonly maxGroupBytes?: number;
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
  const { maxGroupBytes, ...rest } = options;
  checkRecordOptions(rest, Object.keys(readers));
  checkAll({ maxGroupBytes }, { maxGroupBytes: optional(wholeNumber(1, 2 ** 32)) });
  const files: FileToRead[] = [];
  for (const path of await findFiles(paths, Object.keys(endings))) {
    const read = readers[options.format ?? formatOf(path, endings)];
    files.push({ file: fileAt(path), read, size: await sizeOfDataFile(path) });
  }
  yield* recordsOf(files, options, paths.join(", "));
}

const { json, csv, tsv, ...others } = textReaders(parseCsv);
const readers: Readonly<Record<RecordFormat, Reader>> = {
  json, csv, tsv,
  parquet: ({ name }, options) => readParquetRecords(name, options),
  ...others,
};

const { ".txt": lines, ...otherEndings } = textEndings;
const endings: Readonly<Record<string, RecordFormat>> = { ...otherEndings, ".parquet": "parquet", ".txt": lines };
