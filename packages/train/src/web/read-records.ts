import { listOf, valueThat } from "@gpt/tensor";
import { openBlob } from "@gpt/formats";
import { check } from "../checks.ts";
import { checkRecordOptions, formatOf, recordsOf, textEndings, textReaders } from "../records/record-files.ts";
import type { DataRecord, RecordOptions } from "../records/record-files.ts";
import { parseCsv } from "./parse-csv.ts";

const filesExpected = listOf(valueThat("a File", (value) => value instanceof File));

/**
 * The records of files that a user chose or dropped, in their order: as `readRecords` of @gpt/train/node reads them, other than Parquet. A text that
 * was pasted is `new File([text], "pasted.jsonl")`. Throws as that does.
 *
 * @example
 * for await (const { value, line } of readRecords(input.files)) console.log(line, value);
 */
export async function* readRecords(files: Iterable<File>, options: RecordOptions = {}): AsyncGenerator<DataRecord, void, undefined> {
  const all = Array.isArray(files) || Symbol.iterator in (Object(files) as object) ? [...files] : files;
  check("files", all, filesExpected);
  checkRecordOptions(options, Object.keys(readers));
  const toRead = (all as readonly File[]).map((file) => ({
    file: { name: file.name, open: () => Promise.resolve(openBlob(file)) },
    read: readers[options.format ?? formatOf(file.name, textEndings)],
    size: file.size,
  }));
  yield* recordsOf(toRead, options, toRead.map(({ file }) => file.name).join(", ") || "no files");
}

const readers = textReaders(parseCsv);
