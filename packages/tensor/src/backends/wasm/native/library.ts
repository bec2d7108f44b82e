/** A BLAS: what it is, and its product of matrices of f32. */
import { bytesPerElement } from "../../../dtype.ts";
import { maxBytes } from "../runtime/engine.ts";
import { findForeign } from "./foreign.ts";
import type { Foreign, ForeignFunction, ForeignLibrary, ForeignType } from "./foreign.ts";

/**
 * `c = factor · a · b`, or `c += factor · a · b`, of `[rows, inner]` and `[inner, columns]` in f32, row-major; an operand that is
 * transposed lies as `[inner, rows]`, or `[columns, inner]`. Addresses in the memory that it was made for; `aRow`, `bRow`
 * and `cRow` are the distances of rows as they lie, in elements.
 */
export type Product = (
  aTransposed: boolean, bTransposed: boolean, rows: number, columns: number, inner: number,
  a: number, aRow: number, b: number, bRow: number, add: boolean, c: number, cRow: number, factor?: number,
) => void;

/** Where a library is, which every thread opens for itself. */
export interface LibraryPlace {
  readonly path: string;
  /** The URL of the module from which koffi is found. */
  readonly from: string;
}

/** A library that was opened. */
export interface Library {
  /** What it is, with its version, for people and for records. */
  readonly name: string;
  /** Whether several threads may call it at once. */
  readonly isConcurrent: boolean;
  /** Its product on a memory. */
  productOn(memory: WebAssembly.Memory): Product;
  /** Lets Linux back a memory by pages of 2 MB where programs have to ask for them; elsewhere nothing happens. */
  askForLargePages(memory: WebAssembly.Memory): void;
}

/** Of `madvise`: MADV_HUGEPAGE. */
const largePages = 14;

/** Constants of cblas.h. */
const [rowMajor, plain, transposed] = [101, 111, 112];

/** What names of functions end in where they take whole numbers of 64 bits. */
const endings64 = ["64_", "_64"];
/** Before it, calls at the same time could take the same memory. */
const firstConcurrentOpenBLAS = "0.3.7";

/** What is known of a library that it is. */
interface Kind {
  readonly name: string;
  readonly isConcurrent: boolean;
  /** Whether its whole numbers have 64 bits where its names do not tell. */
  readonly isWide?: boolean;
}

/**
 * Opens a library, and lets it compute on the thread that calls it: the backend's threads call it, each for a part of a
 * product. Throws where it cannot be opened, has no `cblas_sgemm`, or one that does something else. `undefined` stands for a
 * library of an unknown kind, which may be slow, unless `anyKind`.
 */
export function openLibrary({ path, from }: LibraryPlace, anyKind: boolean): Library | undefined {
  const foreign = findForeign(from);
  const opened = foreign.open(path);
  const kind = kindOf(foreign, opened, path) ?? (anyKind ? { name: path, isConcurrent: true } : undefined);
  if (!kind) return undefined;
  const call = findProduct(opened, kind);
  if (!call) throw new Error("it has no function cblas_sgemm");
  const library: Library = {
    name: kind.name,
    isConcurrent: kind.isConcurrent,
    productOn: (memory) => productOn(foreign, call, memory),
    askForLargePages: (memory) => askForLargePages(foreign, opened, memory),
  };
  check(library);
  return library;
}

/** Throws where a library does not compute what `Product` says: where its whole numbers have other sizes, for instance. */
function check({ productOn }: Library): void {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const numbers = new Float32Array(memory.buffer);
  // [2, 3] · [3, 2], both lying across, to be added to ones.
  numbers.set([1, 4, 2, 5, 3, 6, 7, 9, 11, 8, 10, 12, 1, 1, 1, 1]);
  productOn(memory)(true, true, 2, 2, 3, 0, 2, 6 * bytesPerElement, 3, true, 12 * bytesPerElement, 2);
  if (numbers.subarray(12, 16).join() !== "59,65,140,155") throw new Error("it multiplies matrices otherwise than expected");
}

function findProduct(library: ForeignLibrary, kind: Kind): ForeignFunction | undefined {
  const find = (ending: string, int: ForeignType): ForeignFunction | undefined =>
    library.find(`cblas_sgemm${ending}`, "void", [
      "int", "int", "int", int, int, int, "float", "pointer", int, "pointer", int, "float", "pointer", int,
    ]);
  const call = find("", kind.isWide ? "int64" : "int");
  return call ?? endings64.map((ending) => find(ending, "int64")).find((call) => call !== undefined);
}

function productOn(foreign: Foreign, call: ForeignFunction, memory: WebAssembly.Memory): Product {
  let { buffer } = memory;
  let base = foreign.addressOf(buffer);
  return (aTransposed, bTransposed, rows, columns, inner, a, aRow, b, bRow, add, c, cRow, factor = 1) => {
    // Memory that is not shared may have moved as it grew.
    if (memory.buffer !== buffer) {
      buffer = memory.buffer;
      base = foreign.addressOf(buffer);
    }
    call(
      rowMajor, aTransposed ? transposed : plain, bTransposed ? transposed : plain, rows, columns, inner,
      factor, base + a, aRow, base + b, bRow, add ? 1 : 0, base + c, cRow,
    );
  };
}

/** All that memory may grow to is reserved from the start. The function is the C library's, which every BLAS depends on. */
function askForLargePages(foreign: Foreign, library: ForeignLibrary, memory: WebAssembly.Memory): void {
  const { process } = globalThis as { process?: { platform: string } };
  if (process?.platform !== "linux") return;
  library.find("madvise", "int", ["pointer", "int64", "int"])?.(foreign.addressOf(memory.buffer), maxBytes, largePages);
}

/** Finds out what a library is, by functions that only it has, and makes it compute on the calling thread. */
function kindOf(foreign: Foreign, library: ForeignLibrary, path: string): Kind | undefined {
  return openBLAS(library) ?? mkl(foreign, library) ?? blis(library) ?? accelerate(library, path);
}

function openBLAS(library: ForeignLibrary): Kind | undefined {
  for (const ending of ["", ...endings64]) {
    const config = library.find(`openblas_get_config${ending}`, "string", [])?.();
    if (typeof config !== "string") continue;
    library.find(`openblas_set_num_threads${ending}`, "void", ["int"])?.(1);
    const core = library.find(`openblas_get_corename${ending}`, "string", [])?.();
    const version = /OpenBLAS (\S+)/.exec(config)?.[1] ?? "";
    return {
      name: ["OpenBLAS", version, core].filter(Boolean).join(" "),
      // Built without threads, its memory is without locks.
      isConcurrent:
        library.find(`openblas_get_parallel${ending}`, "int", [])?.() !== 0 &&
        version.localeCompare(firstConcurrentOpenBLAS, "en", { numeric: true }) >= 0,
      isWide: config.includes("USE64BITINT"),
    };
  }
  return undefined;
}

function mkl(foreign: Foreign, library: ForeignLibrary): Kind | undefined {
  const tell = library.find("MKL_Get_Version_String", "void", ["pointer", "int"]);
  if (!tell) return undefined;
  library.find("MKL_Set_Num_Threads", "void", ["int"])?.(1);
  const text = new ArrayBuffer(256);
  tell(foreign.addressOf(text), text.byteLength);
  const version = /Version (\S+)/.exec(new TextDecoder().decode(text))?.[1] ?? "";
  return { name: `MKL ${version}`.trim(), isConcurrent: true };
}

function blis(library: ForeignLibrary): Kind | undefined {
  const version = library.find("bli_info_get_version_str", "string", [])?.();
  if (typeof version !== "string") return undefined;
  library.find("bli_thread_set_num_threads", "void", ["int64"])?.(1);
  return { name: `BLIS ${version}`, isConcurrent: true };
}

/** Apple's tells no version: it is part of the system, whose version is that of its kernel. */
function accelerate(library: ForeignLibrary, path: string): Kind | undefined {
  if (!/\/Accelerate\.framework\//.test(path)) return undefined;
  // From macOS 15 on: BLAS_THREADING_SINGLE_THREADED.
  library.find("BLASSetThreading", "int", ["int"])?.(1);
  const system = (globalThis as { process?: { getBuiltinModule?(name: "node:os"): { release(): string } } }).process;
  return { name: `Accelerate, Darwin ${system?.getBuiltinModule?.("node:os").release() ?? ""}`.trim(), isConcurrent: true };
}
