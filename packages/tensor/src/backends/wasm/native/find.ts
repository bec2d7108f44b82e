/** Where systems keep a BLAS, and what to install where there is none. */
import { TensorError } from "../../../errors.ts";
import { NoForeign } from "./foreign.ts";
import { openLibrary } from "./library.ts";
import type { Library, LibraryPlace } from "./library.ts";

/** The names of libraries, by system, the best first. */
const names: Readonly<Record<string, readonly string[]>> = {
  darwin: ["/System/Library/Frameworks/Accelerate.framework/Accelerate"],
  // Fedora's with threads are not called as everyone's; the last one may be any, also a slow one, which is not taken.
  linux: ["libopenblas.so.0", "libopenblasp.so.0", "libopenblaso.so.0", "libmkl_rt.so.2", "libblis.so.4", "libblas.so.3"],
  win32: ["libopenblas.dll", "openblas.dll", "mkl_rt.2.dll"],
};

/** What installs one, by the name of a Linux distribution or of one that it is like. */
const linuxAdvice: Readonly<Record<string, string>> = {
  debian: "run `apt install libopenblas0-pthread`",
  fedora: "run `dnf install openblas-threads`",
  suse: "run `zypper install libopenblas_pthreads0`",
  arch: "run `pacman -S openblas`",
  alpine: "run `apk add openblas`",
};

/** What is used of Node, Bun and Deno. */
interface Process {
  readonly platform: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  getBuiltinModule(name: "node:fs"): { readFileSync(path: string, encoding: "utf8"): string };
}

export interface Found {
  readonly library: Library;
  readonly place: LibraryPlace;
}

/**
 * The library at `path`, else the one that the environment variable `GPT_BLAS` names, else the first that the system has.
 * Throws `backend-failure`, and says what to install. A library that one thread may call is not taken where `many` do.
 */
export function findLibrary(path: string | undefined, from: string, many: boolean): Found {
  const { process } = globalThis as { process?: Process };
  try {
    const given = path ?? process?.env.GPT_BLAS;
    if (given) return openGiven({ path: given, from }, path === undefined ? "GPT_BLAS" : "library", many);
    const candidates = names[process?.platform ?? ""] ?? [];
    for (const path of candidates) {
      const library = tryToOpen({ path, from });
      if (library && (library.isConcurrent || !many)) return { library, place: { path, from } };
    }
    throw failure(`no BLAS is found (${candidates.join(", ")}): ${process ? adviceFor(process) : ""}`);
  } catch (error) {
    throw error instanceof NoForeign ? failure(error.message, error) : error;
  }
}

function openGiven(place: LibraryPlace, option: string, many: boolean): Found {
  let library: Library | undefined;
  try {
    library = openLibrary(place, true);
  } catch (error) {
    if (error instanceof NoForeign) throw error;
    throw failure(`${option}: ${place.path} cannot be used: ${(error as Error).message}`, error);
  }
  if (!library) throw failure(`${option}: ${place.path} is no BLAS`);
  if (many && !library.isConcurrent) {
    throw failure(
      `${option}: ${place.path} (${library.name}) may not be called by several threads: use a newer one that was built with ` +
        "threads, or `threads: 1`",
    );
  }
  return { library, place };
}

/** Undefined for what is not there, or is of an unknown kind. */
function tryToOpen(place: LibraryPlace): Library | undefined {
  try {
    return openLibrary(place, false);
  } catch (error) {
    if (error instanceof NoForeign) throw error;
    return undefined;
  }
}

function adviceFor(process: Process): string {
  const elsewhere = "or give the path of one in the environment variable GPT_BLAS";
  if (process.platform !== "linux") return `install OpenBLAS, ${elsewhere}`;
  let system = "";
  try {
    system = process.getBuiltinModule("node:fs").readFileSync("/etc/os-release", "utf8");
  } catch {
    // Then it is not known which Linux this is.
  }
  const ids = [...system.matchAll(/^ID(?:_LIKE)?="?([^"\n]*)/gm)].flatMap(([, list]) => list.split(" "));
  const id = ids.flatMap((id) => (id.startsWith("opensuse") ? ["suse"] : [id])).find((id) => Object.hasOwn(linuxAdvice, id));
  return `${id === undefined ? "install OpenBLAS" : linuxAdvice[id]}, ${elsewhere}`;
}

function failure(problem: string, cause?: unknown): TensorError {
  return new TensorError("backend-failure", `native: ${problem}; or use the backend \`wasm\``, { cause });
}
