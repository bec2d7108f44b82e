import type { Info } from "csv-parse";
import { CsvProblem } from "../records/csv-records.ts";
import type { CsvLine, ParseCsv } from "../records/csv-records.ts";

/** Parses the text as a whole: the parser that takes pieces needs Node's streams. It is loaded where there is CSV. */
export const parseCsv: ParseCsv = async function* (pieces, options): AsyncGenerator<CsvLine, void, undefined> {
  const { CsvError, parse } = await import("csv-parse/browser/esm/sync");
  let text = "";
  for await (const piece of pieces) text += piece;
  const lines: CsvLine[] = [];
  let problem: unknown;
  try {
    const onRecord = ({ record, info }: { record: string[]; info: Info }): null => (lines.push({ record, info }), null);
    parse(text, { ...options, on_record: onRecord as never });
  } catch (error) {
    problem = error instanceof CsvError ? new CsvProblem(error) : error;
  }
  // As where pieces are parsed, records come before what is wrong behind them.
  yield* lines;
  if (problem) throw problem as Error;
};
