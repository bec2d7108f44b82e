import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { TemporaryFiles } from "../../test/temporary-files.ts";
import { readRecords as readFiles } from "../node/records/read-records.ts";
import type { DataRecord, RecordOptions } from "../records/record-files.ts";
import { readRecords } from "./read-records.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

/** What is read, and at last what is wrong. */
async function outcome(records: AsyncIterable<DataRecord>): Promise<unknown[]> {
  const found: unknown[] = [];
  try {
    for await (const { value, line } of records) found.push([line, value]);
  } catch (error) {
    found.push((error as { code: string }).code, (error as Error).message);
  }
  return found;
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (character) => character.charCodeAt(0));

test.each<[name: string, contents: string | Uint8Array<ArrayBuffer>, options?: RecordOptions]>([
  ["a.jsonl", '\uFEFF{"text": "é", "label": 1}\r\n\n{"text": "b"}\n'],
  ["a.jsonl", '{"a": 1}\n{"a": }\n'],
  ["a.json", '[{"a": 1}, {"a": [2, {}]}]'],
  ["a.json", '[{"a": 1}'],
  ["a.csv", '\uFEFFtext,label\r\n"a, ""b""\nc",1\n\n é ,\n'],
  ["a.csv", 'text,label\na,1\nb\nc,2\n'],
  ["a.csv", 'text,label\na,1\n"b,2\n'],
  ["a.csv", 'text,label\nb"c"d,2\n'],
  ["a.tsv", 'spam\tsay "hello"\nham\tb\n', { header: ["label", "text"], quotes: false }],
  ["a.tsv", "spam\ta\nham\n", { header: ["label", "text"] }],
  ["a.txt", "one\n\n two "],
  ["a.txt", bytes("one\ntwo \xe9\n")],
  ["a.csv", bytes("PK\x03\x04")],
  ["a.csv", "text,label\na,1\n", { columns: { text: "words" } }],
  ["a.csv", "text,label\n"],
])("reads files of a browser as those of a disk: %s %j", async (name, contents, options) => {
  const path = join(await temporary.folder(), name);
  await writeFile(path, contents);
  const fromDisk = await outcome(readFiles([path], options));
  const text = JSON.stringify(fromDisk).replaceAll(JSON.stringify(path).slice(1, -1), name);
  expect(await outcome(readRecords([new File([contents], name)], options))).toEqual(JSON.parse(text));
});

test("gives what is right before what is wrong; refuses the endings of other files", async () => {
  const problem = expect.stringMatching(/^a\.csv, line 3.*: a quote stands where none can/) as string;
  expect(await outcome(readRecords([new File(['text,label\na,1\nb"c"d,2\n'], "a.csv")]))).toEqual([[2, { text: "a", label: "1" }], "invalid-record", problem]);
  const long = new File([`text\na\n${"b".repeat(200)}\n`], "a.csv");
  const tooLong = expect.stringMatching(/^a\.csv, line 3: the record that begins here has more than 100 bytes/) as string;
  expect(await outcome(readRecords([long], { maxRecordBytes: 100 }))).toEqual([[2, { text: "a" }], "invalid-record", tooLong]);
  expect(await outcome(readRecords([new File(["text"], "a.parquet")]))).toEqual(["unsupported-data", expect.stringContaining(".csv, .tsv, .txt)")]);
});

test("refuses what is no list of files", async () => {
  expect(await outcome(readRecords("a.csv" as never))).toEqual(["invalid-option", expect.stringContaining("must be a File")]);
  expect(await outcome(readRecords(undefined as never))).toEqual(["invalid-option", expect.stringContaining("files must be")]);
});
