import { quote } from "@gpt/tensor";
import type { CsvError, Info, Options } from "csv-parse";
import type { TrainError } from "../errors.ts";
import { decodeFile } from "./data-file.ts";
import type { DataFile } from "./data-file.ts";
import { invalidRecord, tooLong } from "./found-record.ts";
import type { FoundRecord, ReadingOptions } from "./found-record.ts";

/** Characters that are parsed at once: their records are in memory together. */
const chunkCharacters = 2 ** 15;

/** Cuts text into fields: the parser of csv-parse, of which there is one for Node and one for browsers. Throws `CsvProblem`. */
export type ParseCsv = (pieces: AsyncIterable<string>, options: Options) => AsyncIterable<CsvLine>;

export interface CsvLine {
  readonly record: string[];
  readonly info: Info;
}

/** What a parser finds wrong; each has a class of its own for it. */
export class CsvProblem extends Error {
  override readonly cause: CsvError;

  constructor(cause: CsvError) {
    super(cause.message, { cause });
    this.cause = cause;
  }
}

/** What tells the files of a kind from those of another. */
interface CsvKind {
  readonly delimiter: "," | "\t";
  readonly parse: ParseCsv;
}

/**
 * The records of a CSV file (RFC 4180) whose first line names the columns, unless `header` does; of a TSV file with tabs. Fields may be quoted, and
 * then hold delimiters, line breaks and doubled quotes, unless `quotes` is false, which takes quotes as they are. All values
 * are texts. Blank lines are no records.
 */
export async function* readCsvRecords(
  file: DataFile, { delimiter, parse }: CsvKind, { maxRecordBytes, onBytes, quotes, header: given }: ReadingOptions,
): AsyncGenerator<FoundRecord, void, undefined> {
  const { name: path } = file;
  const found = parse(pieces(file, onBytes), {
    delimiter, quote: quotes ? '"' : null, record_delimiter: ["\r\n", "\n"], skip_empty_lines: true, info: true,
    relax_column_count: true, max_record_size: maxRecordBytes,
  });
  let header = given;
  let end = 0;
  try {
    for await (const { record, info } of found) {
      end = info.lines;
      const line = end - record.reduce((count, field) => count + breaks(field), 0);
      if (!header) {
        header = checkHeader(path, record, line);
        continue;
      }
      if (record.length !== header.length) throw wrongCount(path, line, record, header, delimiter, given !== undefined);
      yield { value: Object.fromEntries(header.map((name, i) => [name, record[i]])), line };
    }
  } catch (error) {
    throw error instanceof CsvProblem ? csvError(path, error.cause, end, maxRecordBytes) : error;
  }
}

async function* pieces(file: DataFile, onBytes: (bytes: number) => void): AsyncGenerator<string, void, undefined> {
  const encoder = new TextEncoder();
  for await (const text of decodeFile(file)) {
    for (let start = 0; start < text.length; start += chunkCharacters) {
      const piece = text.slice(start, start + chunkCharacters);
      yield piece;
      onBytes(encoder.encode(piece).length);
    }
  }
}

function breaks(field: string): number {
  return field.split("\n").length - 1;
}

function checkHeader(path: string, names: readonly string[], line: number): readonly string[] {
  names.forEach((name, i) => {
    const problem = name === "" ? `column ${i + 1} has no name` : names.indexOf(name) < i ? `two columns have the name ${quote(name)}` : "";
    if (problem) throw invalidRecord(path, `line ${line}`, `${problem}; the first line must name the columns, each in its own way`);
  });
  return names;
}

function wrongCount(
  path: string, line: number, record: readonly string[], header: readonly string[], delimiter: string, isGiven: boolean,
): TrainError {
  const names = header.slice(0, 10).map(quote).join(", ") + (header.length > 10 ? ", …" : "");
  const remedy = delimiter === "," ? "put fields that hold commas in quotes" : "fields must not hold tabs, unless they are in quotes";
  return invalidRecord(path, `line ${line}`, `there are ${record.length} fields, but ${isGiven ? "header" : "the first line"} names ${header.length} (${names}); ${remedy}`);
}

const advice = "double quotes that are within a quoted field, or pass quotes: false where they mean nothing";

/** `end`: the line where the record before ends. */
function csvError(path: string, error: CsvError, end: number, maxRecordBytes: number): TrainError {
  const column = `field ${Number((error as { index?: unknown }).index ?? 0) + 1}`;
  switch (error.code) {
    case "CSV_MAX_RECORD_SIZE":
      return tooLong(path, end + 1, maxRecordBytes);
    case "CSV_QUOTE_NOT_CLOSED":
      return invalidRecord(path, `line ${end + 1}, ${column}`, `a quote is opened here or in the lines behind, and not closed; ${advice}`, error);
    default:
      return invalidRecord(path, `line ${Number((error as { lines?: unknown }).lines ?? end + 1)}, ${column}`, `a quote stands where none can; ${advice}`, error);
  }
}
