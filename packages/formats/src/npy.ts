import { checkArgument, listOf, objectWith, valueThat, wholeNumber } from "@gpt/common/expectations";
import { FormatError } from "./errors.ts";
import { fileExpected } from "./files/random-access.ts";
import type { RandomAccessFile } from "./files/random-access.ts";
import { readRange } from "./files/read-file.ts";
import { toFloat32 } from "./safetensors/dtype.ts";

/** An array of a file of NumPy's, row-major. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What a file of NumPy's holds, and from which byte on. */
export interface NpyHeader {
  readonly shape: readonly number[];
  readonly dtype: "F16" | "F32" | "F64";
  /** Whether the first axis is the one whose elements are neighbours. */
  readonly isColumnMajor: boolean;
  /** First byte of the elements, which go to the end of the file. */
  readonly start: number;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const maxHeaderBytes = 65_536;
const dtypes: Readonly<Record<string, NpyHeader["dtype"]>> = { "<f2": "F16", "<f4": "F32", "<f8": "F64" };
const bytesPerElement = { F16: 2, F32: 4, F64: 8 };

/**
 * Reads a `.npy` file of floating-point numbers as f32 (numpy.lib.format, versions 1 to 3). Throws `invalid-file`, also for
 * a file that is longer or shorter than its header says, `unsupported-dtype` and `read-failed`.
 *
 * @example
 * const { shape, data } = await readNpy((await openFolder("model").open("params_0.npy"))!);
 */
export async function readNpy(file: RandomAccessFile): Promise<NpyArray> {
  const { shape, dtype, isColumnMajor, start } = await checkedHeader("readNpy", file);
  const data = toFloat32(await readRange(file, start, file.size - start), dtype, file.name);
  return { shape, data: isColumnMajor ? rowMajor(data, shape) : data };
}

/** Reads and checks the header of a `.npy` file; the elements stay where they are. Throws as `readNpy` does. */
export async function readNpyHeader(file: RandomAccessFile): Promise<NpyHeader> {
  return checkedHeader("readNpyHeader", file);
}

async function checkedHeader(call: string, file: RandomAccessFile): Promise<NpyHeader> {
  checkArgument("file", file, fileExpected, (problem) => new FormatError("invalid-input", `${call}: ${problem}`));
  const invalid = (problem: string): FormatError => new FormatError("invalid-file", `${file.name}: ${problem}`);
  if (file.size < 10) throw invalid("it is too short for a .npy file");
  const prefix = await readRange(file, 0, Math.min(12, file.size));
  if (magic.some((byte, i) => prefix[i] !== byte)) throw invalid("it is no .npy file: it begins with other bytes");
  const [major] = prefix.subarray(6);
  if (major < 1 || major > 3) throw invalid(`its format has version ${major}; versions 1 to 3 are known`);
  const lengthBytes = major === 1 ? 2 : 4;
  const headerStart = 8 + lengthBytes;
  if (prefix.length < headerStart) throw invalid("it ends within its header");
  const headerLength = prefix.subarray(8, headerStart).reduceRight((sum, byte) => sum * 256 + byte, 0);
  if (headerLength > maxHeaderBytes) throw invalid(`its header has ${headerLength} bytes, more than the limit of ${maxHeaderBytes}`);
  if (headerStart + headerLength > file.size) throw invalid("it ends within its header");
  const header = new TextDecoder("latin1").decode(await readRange(file, headerStart, headerLength));
  const { descr, isColumnMajor, shape } = parseHeader(header, invalid);
  const dtype = Object.hasOwn(dtypes, descr) ? dtypes[descr] : undefined;
  if (dtype === undefined) {
    throw new FormatError("unsupported-dtype", `${file.name} has elements ${descr}; <f2, <f4 and <f8 are read`);
  }
  const count = shape.reduce((product, size) => product * size, 1);
  const start = headerStart + headerLength;
  if (file.size - start !== count * bytesPerElement[dtype]) {
    throw invalid(`shape [${shape.join(", ")}] takes ${count * bytesPerElement[dtype]} bytes, and ${file.size - start} follow`);
  }
  return { shape, dtype, isColumnMajor, start };
}

/** The bytes of a `.npy` file of f32 (version 1). Throws `invalid-input` where `data` does not have the shape's size. */
export function npyBytes(array: NpyArray): Uint8Array {
  const fail = (problem: string): FormatError => new FormatError("invalid-input", `npyBytes: ${problem}`);
  checkArgument("array", array, objectWith("an array, { shape, data }", "shape", "data"), fail);
  const { shape, data } = array;
  checkArgument("shape", shape, listOf(wholeNumber(0)), fail);
  checkArgument("data", data, valueThat("a Float32Array", (value) => value instanceof Float32Array), fail);
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) {
    throw fail(`${data.length} numbers do not fill shape [${shape.join(", ")}]`);
  }
  const tuple = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  // Data begin at a multiple of 64 bytes, behind a line end.
  const length = Math.ceil((10 + header.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + 4 * count);
  bytes.set(magic);
  bytes.set([1, 0, (length - 10) & 0xff, (length - 10) >> 8], 6);
  bytes.set(new TextEncoder().encode(`${header.padEnd(length - 11)}\n`), 10);
  const view = new DataView(bytes.buffer, length);
  for (let i = 0; i < count; i++) view.setFloat32(4 * i, data[i], true);
  return bytes;
}

interface Literal {
  readonly descr: string;
  readonly isColumnMajor: boolean;
  readonly shape: readonly number[];
}

/** The header is a literal of Python's: a dictionary of three keys, in any order. */
function parseHeader(header: string, invalid: (problem: string) => FormatError): Literal {
  const entry = String.raw`'(?:descr'\s*:\s*'[^']{1,16}'|fortran_order'\s*:\s*(?:True|False)|shape'\s*:\s*\((?:\s*\d{1,16}\s*,?){0,32}\s*\))`;
  const whole = new RegExp(`^\\s*\\{\\s*${entry}(?:\\s*,\\s*${entry}){2}\\s*,?\\s*\\}\\s*$`);
  const descr = /'descr'\s*:\s*'([^']+)'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const sizes = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (!whole.test(header) || descr === undefined || order === undefined || sizes === undefined) {
    throw invalid("its header does not say descr, fortran_order and shape, once each");
  }
  const shape = sizes.split(",").filter((size) => size.trim() !== "").map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count * 8)) throw invalid(`shape [${shape.join(", ")}] is larger than any file`);
  return { descr, isColumnMajor: order === "True", shape };
}

/** Column-major elements in row-major order. */
function rowMajor(data: Float32Array, shape: readonly number[]): Float32Array {
  const result = new Float32Array(data.length);
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    let at = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) at = at * shape[axis] + index[axis];
    result[i] = data[at];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return result;
}
