import { pipeline } from "node:stream";
import type { Parser } from "csv-parse";
import { CsvProblem } from "../../records/csv-records.ts";
import type { CsvLine, ParseCsv } from "../../records/csv-records.ts";

/** Parses while it is read, in little memory. */
export const parseCsv: ParseCsv = async function* (pieces, options): AsyncGenerator<CsvLine, void, undefined> {
  const { CsvError, parse } = await import("csv-parse");
  const parser: Parser = parse(options);
  // Ends the parser with the error, or the reading where nobody wants more.
  pipeline(pieces, parser, () => undefined);
  try {
    yield* parser as AsyncIterable<CsvLine>;
  } catch (error) {
    throw error instanceof CsvError ? new CsvProblem(error) : error;
  }
};
