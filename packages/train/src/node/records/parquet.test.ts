import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterEach, expect, test } from "vitest";
import { mutation, RandomNumbers } from "@gpt/testing/mutate";
import { TemporaryFiles } from "../../../test/temporary-files.ts";
import { TrainError } from "../../errors.ts";
import { readParquetRows } from "./parquet-rows.ts";
import { readRecords } from "./read-records.ts";
import type { DataRecord } from "../../records/record-files.ts";
import type { ReadRecordsOptions } from "./read-records.ts";

const temporary = new TemporaryFiles();
afterEach(temporary.clear);

/** Only a hang takes as long. */
const hours = 4 * 3_600_000;

async function file(contents: Uint8Array): Promise<string> {
  const path = join(await temporary.folder(), "data.parquet");
  await writeFile(path, contents);
  return path;
}

async function all(path: string, options?: ReadRecordsOptions): Promise<DataRecord[]> {
  const records: DataRecord[] = [];
  for await (const record of readRecords([path], options)) records.push(record);
  return records;
}

type WriteOptions = Partial<Parameters<typeof parquetWriteBuffer>[0]>;

const texts = Array.from({ length: 2500 }, (_, i) => (i % 7 === 0 ? null : `text ${i} é😀`));
/** Texts, some of which are missing, whole numbers of 64 bits, numbers, flags. */
function parquet(options: WriteOptions = {}): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({
    columnData: [
      { name: "text", data: texts, type: "STRING" },
      { name: "label", data: texts.map((_, i) => BigInt(i % 3)), type: "INT64", nullable: false },
      { name: "score", data: texts.map((_, i) => i / 2), type: "DOUBLE" },
      { name: "flag", data: texts.map((_, i) => i % 2 === 0), type: "BOOLEAN" },
    ],
    rowGroupSize: 1000,
    ...options,
  }));
}

const compressors = {
  GZIP: (bytes: Uint8Array) => gzipSync(bytes),
  BROTLI: (bytes: Uint8Array) => brotliCompressSync(bytes),
  ZSTD: (bytes: Uint8Array) => zstdCompressSync(bytes),
};

test.each(["SNAPPY", "UNCOMPRESSED", "GZIP", "BROTLI", "ZSTD"] as const)("rows of several row groups, %s", async (codec) => {
  const path = await file(parquet({ codec, compressors }));
  const records = await all(path);
  expect(records).toHaveLength(texts.length);
  expect(records.map(({ value }) => value)).toEqual(texts.map((text, i) => ({ text, label: i % 3, score: i / 2, flag: i % 2 === 0 })));
  expect(records.map(({ line }) => line)).toEqual(texts.map((_, i) => i + 1));
  const renamed = await all(path, { columns: { class: "label" } });
  expect(renamed.map(({ value }) => value)).toEqual(texts.map((_, i) => ({ class: i % 3 })));
});

test("lists of structs, as chats are written", async () => {
  const messages = [[{ role: "user", content: "é?" }, { role: "assistant", content: null }], [], [{ role: "user", content: "b" }]];
  const element = (name: string, repetition_type: "REQUIRED" | "OPTIONAL" | "REPEATED", rest: object) => ({ name, repetition_type, ...rest });
  const schema = [
    { name: "root", num_children: 1 },
    element("messages", "OPTIONAL", { num_children: 1, converted_type: "LIST" }),
    element("list", "REPEATED", { num_children: 1 }),
    element("element", "OPTIONAL", { num_children: 2 }),
    element("role", "OPTIONAL", { type: "BYTE_ARRAY", converted_type: "UTF8" }),
    element("content", "OPTIONAL", { type: "BYTE_ARRAY", converted_type: "UTF8" }),
  ];
  const options = { schema, columnData: [{ name: "messages", data: [...messages, null] }] } as unknown as WriteOptions;
  const records = await all(await file(parquet(options)));
  expect(records.map(({ value }) => value.messages)).toEqual([...messages, null]);
});

test("says how far it is, and ends where nobody wants more", async () => {
  const bytes = parquet();
  const path = await file(bytes);
  const progress: number[] = [];
  await all(path, { onProgress: (state) => progress.push(state.bytes / state.totalBytes) });
  expect(progress.at(-1)).toBe(1);
  for await (const _ of readRecords([path])) break;
});

test("refuses what is damaged, too large, or not there", async () => {
  const bytes = parquet();
  const path = await file(bytes);
  const refusal = (part: string) => ({ code: "invalid-record", message: expect.stringContaining(`${path}, ${part}`) as string });
  await expect(all(path, { columns: { text: "body" } })).rejects
    .toMatchObject(refusal('its schema: there is no column "body"; there are "text", "label", "score", "flag"'));
  await expect(all(path, { maxGroupBytes: 5000 })).rejects.toMatchObject(refusal("a row group: it takes "));
  await writeFile(path, bytes.subarray(0, bytes.length - 1));
  await expect(all(path)).rejects.toMatchObject(refusal("its end: a Parquet file ends with PAR1"));
  await writeFile(path, "no");
  await expect(all(path)).rejects.toMatchObject(refusal("its end: a Parquet file ends with PAR1"));
  await writeFile(path, parquet({ codec: "LZ4_RAW", compressors: { LZ4_RAW: (bytes: Uint8Array) => bytes } }));
  await expect(all(path)).rejects.toMatchObject(refusal("its data: they cannot be read as Parquet: parquet unsupported compression codec: LZ4_RAW; "));
  const invalid = parquet({ codec: "UNCOMPRESSED", columnData: [{ name: "text", data: ["plain"], type: "STRING" }], statistics: false });
  invalid[Buffer.from(invalid).indexOf("plain")] = 0xff;
  await writeFile(path, invalid);
  await expect(all(path)).rejects.toMatchObject({ code: "invalid-record" });
});

test("mutated files are read, or refused in a short line by name", async () => {
  const count = process.env.GPT_VERIFY ? 2000 : 12;
  const small: WriteOptions = { columnData: [
    { name: "text", data: texts.slice(0, 40), type: "STRING" }, { name: "label", data: texts.slice(0, 40).map((_, i) => i), type: "INT32" },
  ] };
  const corpus = [parquet({ ...small, codec: "UNCOMPRESSED" }), parquet(small)];
  const path = await file(corpus[0]);
  const random = new RandomNumbers(18);
  for (let i = 0; i < count; i++) {
    const bytes = corpus[i % 2];
    // One bit, where the file stays a Parquet file; or anything.
    const at = random.below(bytes.length);
    const changed = random.below(3) > 0 ? bytes.map((byte, k) => (k === at ? byte ^ (1 << random.below(8)) : byte)) : mutation(bytes, corpus, random);
    await writeFile(path, changed);
    try {
      const records = await all(path, { maxGroupBytes: 2 ** 20 });
      expect(records.length).toBeLessThanOrEqual(80);
    } catch (error) {
      if (!(error instanceof TrainError)) throw error;
      expect(error.message).toContain(path);
      expect(error.message).not.toMatch(/\p{Cc}/u);
    }
  }
}, hours);

test("no bit of a small file, when it is another, makes reading go on for ever", async () => {
  // A sample has each of a byte's bits.
  const stride = process.env.GPT_VERIFY ? 1 : process.env.GPT_AGAIN ? 11 : 3;
  const small: WriteOptions = { columnData: [{ name: "a", data: ["one", null, "one"], type: "STRING", offsetIndex: false }], statistics: false };
  const path = await file(parquet());
  for (const codec of process.env.GPT_VERIFY ? (["UNCOMPRESSED", "SNAPPY"] as const) : (["UNCOMPRESSED"] as const)) {
    const bytes = parquet({ ...small, codec });
    let taken = 0;
    for (let bit = 0; bit < 8 * bytes.length; bit += stride) {
      await writeFile(path, bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)));
      let rows = 0;
      try {
        for await (const part of readParquetRows(path, { maxGroupBytes: 2 ** 20 })) rows += part.rows.length;
        taken++;
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      expect(rows).toBeLessThan(10);
    }
    expect(taken).toBeGreaterThan(bytes.length / stride);
  }
});
