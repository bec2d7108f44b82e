import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { quote } from "@gpt/tensor";
import type { AsyncBuffer, ColumnMetaData, Compressors, FileMetaData, RowGroup } from "hyparquet";
import type { parquetHeader } from "hyparquet/src/column.js";
import { openDataFile } from "../data-file.ts";
import { invalidRecord } from "../../records/found-record.ts";

export interface ParquetOptions {
  /** The columns that are read. Default: all. */
  readonly wanted?: readonly string[];
  /** Row groups whose columns take more, once decompressed, are refused. */
  readonly maxGroupBytes: number;
}

/** Some rows, one after another: `rows[i][j]` is the value of column `names[j]`. */
export interface ParquetRows {
  readonly names: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
  /** Bytes of the file that were read for them. */
  readonly bytes: number;
}

/** Of the description of columns and row groups, at the end of a file. */
const maxFooterBytes = 2 ** 26;
const rowsAtOnce = 1024;

/**
 * The rows of a Parquet file, row group by row group: a row group is in memory as a whole. hyparquet trusts what files say of
 * themselves; what decides how much memory is taken is checked before.
 */
export async function* readParquetRows(
  path: string, { wanted, maxGroupBytes }: ParquetOptions,
): AsyncGenerator<ParquetRows, void, undefined> {
  const { parquetMetadata, parquetRead, parquetSchema, snappyUncompress } = await import("hyparquet");
  const { parquetHeader } = await import("hyparquet/src/column.js");
  const file = await openDataFile(path);
  try {
    const buffer: AsyncBuffer = {
      byteLength: file.size,
      async slice(start, end = file.size) {
        checkSize(path, end - start, maxGroupBytes);
        return (await file.read(start, end - start)).buffer as ArrayBuffer;
      },
    };
    const metadata = parquetMetadata(await readFooter(path, buffer));
    const names = chooseColumns(path, parquetSchema(metadata).children.map(({ element }) => element.name), wanted);
    const compressors = decompressors(path, maxGroupBytes, snappyUncompress);
    let first = 1;
    for (const [number, group] of metadata.row_groups.entries()) {
      const columns = columnsOf(path, number, group, names);
      const bytes = checkGroup(path, number, group, columns, maxGroupBytes);
      for (const column of columns) await checkPages(path, number, column, buffer, maxGroupBytes, parquetHeader);
      const rows = await new Promise<readonly unknown[][]>((resolve, reject) => {
        parquetRead({
          file: buffer, metadata: only(metadata, group), columns: [...names], compressors, utf8: false, parsers: { stringFromBytes },
          onComplete: resolve,
        }).catch(reject);
      });
      checkRows(path, first, names, rows, Number(group.num_rows));
      for (let start = 0; start < rows.length; start += rowsAtOnce) {
        const part = rows.slice(start, start + rowsAtOnce).map((row) => row.map(plain));
        yield { names, rows: part, bytes: start === 0 ? bytes : 0 };
      }
      first += rows.length;
    }
  } finally {
    await file.close();
  }
}

async function readFooter(path: string, buffer: AsyncBuffer): Promise<ArrayBuffer> {
  const damaged = (): Error => invalidRecord(path, "its end", "a Parquet file ends with PAR1 and what it holds; copy it again");
  if (buffer.byteLength < 12) throw damaged();
  const tail = new DataView(await buffer.slice(buffer.byteLength - 8));
  const length = tail.getUint32(0, true);
  if (tail.getUint32(4, false) !== 0x50415231 || length > buffer.byteLength - 12) throw damaged();
  if (length > maxFooterBytes) throw invalidRecord(path, "its end", `the description of ${length} bytes is larger than ${maxFooterBytes}; write larger row groups`);
  return buffer.slice(buffer.byteLength - 8 - length);
}

function chooseColumns(path: string, there: readonly string[], wanted: readonly string[] | undefined): readonly string[] {
  if (new Set(there).size < there.length) throw invalidRecord(path, "its schema", "two columns have the same name; write it with names that differ");
  const missing = wanted?.find((name) => !there.includes(name));
  if (missing === undefined) return [...new Set(wanted ?? there)];
  throw invalidRecord(path, "its schema", `there is no column ${quote(missing)}; there are ${there.slice(0, 10).map(quote).join(", ")}`);
}

function columnsOf(path: string, number: number, group: RowGroup, names: readonly string[]): ColumnMetaData[] {
  return group.columns.flatMap(({ meta_data: column }) => {
    if (!column) throw invalidRecord(path, `row group ${number + 1}`, "a column is encrypted, or in another file; write it plainly");
    return names.includes(column.path_in_schema[0]) ? [column] : [];
  });
}

/** The bytes of the file that the columns of a row group take. */
function checkGroup(path: string, number: number, group: RowGroup, columns: readonly ColumnMetaData[], maxGroupBytes: number): number {
  let [compressed, uncompressed] = [0, 0];
  for (const column of columns) {
    if (!(group.num_rows >= 0n && group.num_rows <= column.num_values)) {
      throw invalidRecord(path, `row group ${number + 1}`, "it says that it has more rows than values; copy the file again");
    }
    compressed += Number(column.total_compressed_size);
    uncompressed += Number(column.total_uncompressed_size);
  }
  checkSize(path, Math.max(compressed, uncompressed), maxGroupBytes);
  return compressed;
}

/** Refuses pages that say sizes or counts that their column cannot have: hyparquet goes on by them, wherever they lead. */
async function checkPages(
  path: string, number: number, column: ColumnMetaData, buffer: AsyncBuffer, maxGroupBytes: number, readHeader: typeof parquetHeader,
): Promise<void> {
  const start = Number(column.dictionary_page_offset || column.data_page_offset);
  const view = new DataView(await buffer.slice(start, start + Number(column.total_compressed_size)));
  const fits = (value: unknown, largest: number): boolean => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= largest;
  const reader = { view, offset: 0 };
  while (reader.offset < view.byteLength - 1) {
    const header = readHeader(reader);
    const { compressed_page_size: size, uncompressed_page_size: whole, data_page_header_v2: v2 } = header;
    const page = header.data_page_header ?? header.dictionary_page_header ?? v2;
    const counts = [page, v2 && { num_values: v2.num_nulls }, v2 && { num_values: v2.num_rows }].filter((one) => one !== undefined);
    const lengths = v2 ? [v2.definition_levels_byte_length, v2.repetition_levels_byte_length] : [];
    const right = fits(size, view.byteLength - reader.offset) && fits(whole, maxGroupBytes) &&
      counts.every((one) => fits(one.num_values, Number(column.num_values))) && lengths.every((length) => fits(length, size));
    if (!right) {
      throw invalidRecord(path, `row group ${number + 1}`, "a page has a size or a count that its column cannot have; copy the file again");
    }
    reader.offset += size;
  }
}

function checkSize(path: string, bytes: number, maxGroupBytes: number): void {
  if (bytes >= 0 && bytes <= maxGroupBytes) return;
  throw invalidRecord(path, "a row group", `it takes ${bytes} bytes, and may take ${maxGroupBytes}; write smaller row groups, or raise maxGroupBytes`);
}

function only(metadata: FileMetaData, group: RowGroup): FileMetaData {
  return { ...metadata, row_groups: [group], num_rows: group.num_rows };
}

function decompressors(path: string, maxGroupBytes: number, snappy: (input: Uint8Array, output: Uint8Array) => void): Compressors {
  const bounded = (decompress: (input: Uint8Array, size: number) => Uint8Array) => (input: Uint8Array, size: number): Uint8Array => {
    checkSize(path, size, maxGroupBytes);
    return size === 0 ? new Uint8Array() : decompress(input, size);
  };
  return {
    SNAPPY: bounded((input, size) => {
      const output = new Uint8Array(size);
      snappy(input, output);
      return output;
    }),
    GZIP: bounded((input, maxOutputLength) => gunzipSync(input, { maxOutputLength })),
    BROTLI: bounded((input, maxOutputLength) => brotliDecompressSync(input, { maxOutputLength })),
    ZSTD: bounded((input, maxOutputLength) => zstdDecompressSync(input, { maxOutputLength })),
  };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function stringFromBytes(bytes: Uint8Array | undefined): string | undefined {
  return bytes && utf8.decode(bytes);
}

/** Missing values are null; undefined are those that the file says that it has, and has not. */
function checkRows(path: string, first: number, names: readonly string[], rows: readonly unknown[][], expected: number): void {
  const short = rows.findIndex((row) => names.some((_, i) => row[i] === undefined));
  if (short < 0 && rows.length === expected) return;
  throw invalidRecord(path, `row ${first + Math.max(0, short)}`, "the file has fewer values than it says; copy it again");
}

/** A value without what hyparquet makes of types: whole numbers are numbers where those hold them. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map(plain);
  // A copy: sent to another thread, a view takes all of its buffer with it.
  if (value instanceof Uint8Array) return value.slice();
  if (typeof value !== "object" || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value ?? null;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, plain(inner)]));
}
