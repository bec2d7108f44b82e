import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { TemporaryFiles } from "../../../test/temporary-files.ts";
import { readRecords } from "./read-records.ts";
import type { DataRecord } from "../../records/record-files.ts";
import type { ReadRecordsOptions } from "./read-records.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

/** A file of this name, in a folder of its own. */
async function file(name: string, contents: string | Uint8Array): Promise<string> {
  const path = join(await temporary.folder(), name);
  await writeFile(path, contents);
  return path;
}

async function all(paths: string | readonly string[], options?: ReadRecordsOptions): Promise<DataRecord[]> {
  const records: DataRecord[] = [];
  for await (const record of readRecords(typeof paths === "string" ? [paths] : paths, options)) records.push(record);
  return records;
}

const values = async (...args: Parameters<typeof all>): Promise<unknown[]> => (await all(...args)).map(({ value }) => value);
const lines = async (...args: Parameters<typeof all>): Promise<number[]> => (await all(...args)).map(({ line }) => line);

test("lines of JSON: any values, any keys, blank lines, a mark, both ends of lines", async () => {
  const path = await file("data.jsonl", '\uFEFF{"text": "é\\n😀", "label": 1}\r\n\n \t\n{"__proto__": {"a": [1, null, true, -2.5e3]}}\n{}');
  expect(await values(path)).toEqual([{ text: "é\n😀", label: 1 }, JSON.parse('{"__proto__": {"a": [1, null, true, -2500]}}'), {}]);
  expect(await lines(path)).toEqual([1, 4, 5]);
});

test("an array of JSON, however it is laid out and wherever chunks end", async () => {
  const records = Array.from({ length: 30_000 }, (_, i) => ({ text: `${"[{\"é,".repeat(i % 9)}\\`, nested: [{ i }, [[]]], i }));
  for (const indent of [0, 2]) {
    const path = await file("data.json", ` \n${JSON.stringify(records, undefined, indent)}\n `);
    const found = await all(path);
    expect(found.map(({ value }) => value)).toEqual(records);
    if (indent === 2) expect(found[1].line).toBe(3 + JSON.stringify(records[0], undefined, 2).split("\n").length);
  }
  await expect(all(await file("data.json", "[]"))).rejects.toMatchObject({ code: "empty-data" });
  expect(await values(await file("data.json", '{"a": 1}\n{"a": 2}'))).toEqual([{ a: 1 }, { a: 2 }]);
});

test("CSV with quotes, breaks and delimiters within them, both ends of lines; TSV", async () => {
  const path = await file("data.csv", '\uFEFFtext,label\r\n"a, ""b""\nc",1\n\n é ,\n"",2');
  expect(await all(path)).toEqual([
    { file: path, line: 2, value: { text: 'a, "b"\nc', label: "1" } },
    { file: path, line: 5, value: { text: " é ", label: "" } },
    { file: path, line: 6, value: { text: "", label: "2" } },
  ]);
  const tabs = 'text\tlabel\nsay "a, b"\t1\n';
  expect(await values(await file("data.tsv", tabs), { quotes: false })).toEqual([{ text: 'say "a, b"', label: "1" }]);
  await expect(all(await file("data.tsv", tabs))).rejects.toMatchObject({ message: expect.stringContaining("line 2, field 1: a quote stands where none can; double") as string });
});

test("CSV and TSV without a line of names", async () => {
  const path = await file("data.tsv", "spam\tWin now\nham\tHi\n");
  expect(await all(path, { header: ["label", "text"] })).toEqual([
    { file: path, line: 1, value: { label: "spam", text: "Win now" } },
    { file: path, line: 2, value: { label: "ham", text: "Hi" } },
  ]);
  await expect(all(path, { header: ["text"] })).rejects.toMatchObject({ message: expect.stringContaining("line 1: there are 2 fields, but header names 1") as string });
});

test("lines of text, and whole texts", async () => {
  const path = await file("data.txt", "\uFEFFone\r\n\n  two \n\uFEFFthree");
  expect(await values(path)).toEqual([{ text: "one" }, { text: "  two " }, { text: "\uFEFFthree" }]);
  expect(await values(path, { format: "text" })).toEqual([{ text: "one\r\n\n  two \n\uFEFFthree" }]);
});

test("lines that are longer than a chunk, and end in the next", async () => {
  const texts = ["a".repeat(2 ** 20 - 1), "é".repeat(2 ** 20), "", "b".repeat(10)].map((text) => text + "!");
  const path = await file("data.txt", texts.join("\n"));
  expect((await values(path)).every((value, i) => (value as { text: string }).text === texts[i])).toBe(true);
});

test("several files and patterns, each file once, in order", async () => {
  const folder = await temporary.folder();
  await mkdir(join(folder, "b.jsonl"));
  await mkdir(join(folder, "deep", "er"), { recursive: true });
  for (const name of ["b.txt", "a.txt", "c[1].txt", "deep/er/d.txt"]) await writeFile(join(folder, name), name);
  const read = async (...paths: string[]): Promise<unknown[]> =>
    (await all(paths.map((path) => join(folder, path)))).map(({ value }) => value.text);
  expect(await read("b.txt", "*.txt")).toEqual(["b.txt", "a.txt", "c[1].txt"]);
  expect(await read("c[1].txt", "**/d.*", "[ab].txt")).toEqual(["c[1].txt", "deep/er/d.txt", "a.txt", "b.txt"]);
  await expect(read("*.jsonl")).rejects.toMatchObject({ code: "missing-file", message: `no file matches ${join(folder, "*.jsonl")}; check the pattern` });
  await expect(read("no.txt")).rejects.toMatchObject({ code: "missing-file" });
});

test("a folder is the files in it that are of a format, by name", async () => {
  const folder = await temporary.folder();
  await mkdir(join(folder, "inner.jsonl"));
  for (const [name, text] of Object.entries({ "b.jsonl": '{"n": 2}', "a.CSV": "n\n1", "notes.md": "no" })) await writeFile(join(folder, name), text);
  expect((await all(folder)).map(({ file }) => file)).toEqual([join(folder, "a.CSV"), join(folder, "b.jsonl")]);
  await expect(all(join(folder, "inner.jsonl"))).rejects.toMatchObject({
    code: "missing-file", message: expect.stringContaining("inner.jsonl has no file that ends in .json, .jsonl,") as string,
  });
});

test("columns by other names, and no others", async () => {
  const path = await file("data.jsonl", '{"sentence": "a", "class": 2, "id": 5}\n{"sentence": "b"}');
  const records = readRecords([path], { columns: { text: "sentence", label: "class" } });
  expect((await records.next()).value).toMatchObject({ value: { text: "a", label: 2 } });
  await expect(records.next()).rejects.toMatchObject({
    code: "invalid-record",
    message: `${path}, line 2: there is no column "class", which columns.label names; there are "sentence"`,
  });
});

test("says how far it is, and stops when it is told to, or nobody wants more", async () => {
  const path = await file("data.jsonl", `{"text": "${"a".repeat(100)}"}\n`.repeat(30_000));
  const progress: { bytes: number; totalBytes: number; records: number }[] = [];
  expect(await all([path, path], { onProgress: (state) => void progress.push(state) })).toHaveLength(30_000);
  expect(progress.length).toBeGreaterThan(2);
  expect(progress.at(-1)).toEqual({ bytes: 113 * 30_000, totalBytes: 113 * 30_000, records: 30_000 });
  const controller = new AbortController();
  const records = readRecords([path], { signal: controller.signal });
  await records.next();
  controller.abort(new Error("enough"));
  await expect(records.next()).rejects.toThrow("enough");
  for (const format of ["json", "csv", "lines"] as const) {
    for await (const _ of readRecords([path], { format, quotes: false })) break;
  }
});

const refused: [name: string, contents: string | Uint8Array, options: ReadRecordsOptions, code: string, message: string][] = [
  ["a.jsonl", '{"a": 1}\n{"é": 1,}\n', {}, "invalid-record", ", line 2, column 9: expected a string; each line must hold one JSON object, or the file one array of objects"],
  ["a.jsonl", '{"a": 1}\n\n3', {}, "invalid-record", ", line 3, column 1: this is number, not an object; each"],
  ["a.jsonl", '{"a": 1} {"a": 2}', {}, "invalid-record", ", line 1, column 10: there is more text behind the value"],
  ["a.jsonl", '{"a": 1, "a": 2}', {}, "invalid-record", 'column 10: the key "a" appears twice'],
  ["a.jsonl", '{"a": "\\ud800"}', {}, "invalid-record", "a string holds half of a surrogate pair"],
  ["a.jsonl", '{"a": 1e999}', {}, "invalid-record", "column 7: the number is larger than any"],
  ["a.jsonl", `{"a": ${"[".repeat(40)}`, {}, "invalid-record", "values are nested more than 32 deep"],
  ["a.jsonl", Buffer.from('{"a": "\xff"}', "latin1"), {}, "invalid-record", "column 8: the text is not valid UTF-8"],
  ["a.jsonl", '{\n"a": 1\n}', {}, "invalid-record", ", line 1, column 2: expected a string; each line must hold one JSON object"],
  ["a.json", '[{"a": 1},\n  {"a": é}]', {}, "invalid-record", ", line 2, column 9: expected a value"],
  ["a.json", '[{"a": 1},\n  {"a": 1}', {}, "invalid-record", ", line 2, column 11: the file ends within the array; copy it again"],
  ["a.json", '[{"a": 1}] x', {}, "invalid-record", ", line 1, column 12: there is more text behind the array"],
  ["a.json", '[{"a": 1},]', {}, "invalid-record", ", line 1, column 11: expected a value"],
  ["a.csv", "text,label\na,b\nc\n", {}, "invalid-record", ', line 3: there are 1 fields, but the first line names 2 ("text", "label"); put fields that hold commas in quotes'],
  ["a.tsv", "text\tlabel\na\tb\tc\n", {}, "invalid-record", ", line 2: there are 3 fields, but the first line names 2"],
  ["a.csv", "text,text\n", {}, "invalid-record", ', line 1: two columns have the name "text"; the first line must name the columns'],
  ["a.csv", "text,\n", {}, "invalid-record", ", line 1: column 2 has no name"],
  ["a.csv", 'a,b\n1,2\n\n3,"4\n5,6\n', {}, "invalid-record", ", line 3, field 2: a quote is opened here or in the lines behind, and not closed; double quotes"],
  ["a.csv", "a,b\n1,2\n1,22\n\n1,2222", { maxRecordBytes: 3 }, "invalid-record", ", line 4: the record that begins here has more than 3 bytes"],
  ["a.csv", Buffer.from("a,b\n1,\xff\n", "latin1"), {}, "invalid-utf8", ": the byte 0xff at offset 6 is not valid UTF-8; convert the file to UTF-8"],
  ["a.csv", "a,b\n", {}, "empty-data", "there is no record in "],
  ["a.txt", "one\ntwo words\n", { maxRecordBytes: 5 }, "invalid-record", ", line 2: the record that begins here has more than 5 bytes; divide it, or raise maxRecordBytes"],
  ["a.txt", "one\ntwo words\n", { maxRecordBytes: 5, format: "text" }, "invalid-record", ", line 1: the record that begins here has more than 5 bytes"],
  ["a.json", '[1,"22222222"]', { maxRecordBytes: 5 }, "invalid-record", "line 1, column 2: this is number"],
  ["a.json", '[{},"22222222"]', { maxRecordBytes: 5 }, "invalid-record", ", line 1: the record that begins here has more than 5 bytes"],
  ["a.txt", Buffer.from("one\ntwo \xe9\n", "latin1"), {}, "invalid-utf8", ", line 2, column 5: the byte 0xe9 is not valid UTF-8; convert the file to UTF-8"],
  ["a.txt", Buffer.from("one\né \xe9\n", "latin1"), { format: "text" }, "invalid-utf8", ", line 2, column 1: the byte 0xe9"],
  ["a.txt", "", {}, "empty-data", "there is no record in "],
  ["a.jsonl", Buffer.from('\uFEFF{"a": 1}', "utf16le"), {}, "unsupported-data", " is text in UTF-16, not text in UTF-8; convert it to UTF-8"],
  ["a.csv", Buffer.from("a,b", "utf16le"), {}, "unsupported-data", ": the byte 0x00 at offset 1 is in no text"],
  ["a.jsonl", gzipSync('{"a": 1}'), {}, "unsupported-data", " is compressed with gzip, not text in UTF-8; unpack it first"],
  ["a.log", "text", {}, "unsupported-data", " is that of no format of records (.json, .jsonl, .ndjson, .csv, .tsv, .parquet, .txt); pass format"],
];

test.each(refused)("refuses %s of %j with %j", async (name, contents, options, code, message) => {
  const path = await file(name, contents);
  await expect(all(path, options)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
  if (code !== "empty-data") await expect(all(path, options)).rejects.toThrow(path);
});

test.each<[unknown, object, string]>([
  ["data.csv", {}, 'paths must be a list of the paths of files, not "data.csv"'],
  [["a.csv"], { format: "xml" }, 'format must be one of "json", "csv", "tsv", "parquet", "lines", "text", not "xml"'],
  [["a.csv"], { columns: {} }, "columns must name a column at least"],
  [["a.csv"], { columns: { text: 3 } }, "columns.text must be a text, not 3"],
  [["a.csv"], { maxRecordBytes: 0 }, "maxRecordBytes must be a whole number from 1 to 536870912, not 0"],
  [["a.csv"], { quotes: "no" }, 'quotes must be true or false, not "no"'],
  [["a.csv"], { signal: 1 }, "signal must be an AbortSignal, not 1"],
])("refuses %j with %j", async (paths, options, message) => {
  await expect(readRecords(paths as string[], options).next()).rejects.toMatchObject({ code: "invalid-option", message });
});
