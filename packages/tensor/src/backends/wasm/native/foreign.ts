/** Functions of shared libraries: by the npm package koffi where it is installed, else by `node:ffi`. */

/** Types of C. A pointer is an address, as a number; a string is one that C gives. */
export type ForeignType = "void" | "int" | "int64" | "float" | "pointer" | "string";

/** A function of a library. Numbers in, and what it returns out. */
export type ForeignFunction = (...values: readonly number[]) => unknown;

export interface ForeignLibrary {
  /** A function by its name; undefined where the library has none of that name. */
  find(name: string, result: ForeignType, parameters: readonly ForeignType[]): ForeignFunction | undefined;
}

/** What calls native functions. */
export interface Foreign {
  /** Opens a library by its path, or by its name where the system looks for it. Throws where that fails. */
  open(path: string): ForeignLibrary;
  /** Where the bytes of a buffer lie in the memory of this process. They stay there as long as the buffer is used. */
  addressOf(buffer: ArrayBufferLike): number;
}

/** What is used of koffi 2 and 3. */
interface Koffi {
  load(path: string): { func(name: string, result: string, parameters: readonly string[]): ForeignFunction };
  address(bytes: Uint8Array): bigint;
}

/** What is used of `node:ffi`. */
interface NodeFFI {
  dlopen(path: string): {
    readonly lib: {
      getFunction(name: string, signature: { readonly return: string; readonly arguments: readonly string[] }): NodeFunction;
    };
  };
  getRawPointer(buffer: ArrayBufferLike): bigint;
  toString(pointer: bigint): string | null;
}

type NodeFunction = (...values: readonly (number | bigint)[]) => unknown;

interface NodeProcess {
  getBuiltinModule?(name: string): unknown;
}

interface NodeModule {
  createRequire(from: string): (name: string) => unknown;
}

/** Says why no native function can be called here. */
export class NoForeign extends Error {}

/** koffi as the module at the URL `from` finds it, else `node:ffi`. Throws `NoForeign` where there is neither. */
export function findForeign(from: string): Foreign {
  const builtin = (globalThis as { process?: NodeProcess }).process?.getBuiltinModule;
  const modules = builtin?.("node:module") as NodeModule | undefined;
  if (!builtin || !modules) throw new NoForeign("only Node, Bun and Deno call native libraries");
  let problem: unknown;
  try {
    return koffiForeign(modules.createRequire(from)("koffi") as Koffi);
  } catch (error) {
    problem = error;
  }
  try {
    const ffi = builtin("node:ffi") as NodeFFI | undefined;
    if (ffi) return nodeForeign(ffi);
  } catch {
    // It is there, but may not be used: koffi's problem is the one to mend.
  }
  const isMissing = problem instanceof Error && "code" in problem && problem.code === "MODULE_NOT_FOUND";
  const advice = "run `npm install koffi`, or use Node 26.10 or newer, which needs none";
  throw new NoForeign(
    isMissing
      ? `this backend needs the npm package \`koffi\`: ${advice}`
      : `the npm package \`koffi\` does not start on this machine: ${String(problem)}; ${advice}`,
    { cause: problem },
  );
}

function koffiForeign(koffi: Koffi): Foreign {
  const names: Record<ForeignType, string> = {
    void: "void", int: "int", int64: "int64_t", float: "float", pointer: "uintptr_t", string: "str",
  };
  return {
    open(path) {
      const library = koffi.load(path);
      return {
        find(name, result, parameters) {
          try {
            return library.func(name, names[result], parameters.map((type) => names[type]));
          } catch {
            return undefined;
          }
        },
      };
    },
    addressOf: (buffer) => Number(koffi.address(new Uint8Array(buffer))),
  };
}

function nodeForeign(ffi: NodeFFI): Foreign {
  const names: Record<ForeignType, string> = {
    void: "void", int: "int32", int64: "int64", float: "float", pointer: "pointer", string: "pointer",
  };
  return {
    open(path) {
      const { lib } = ffi.dlopen(path);
      return {
        find(name, result, parameters) {
          let call: NodeFunction;
          try {
            call = lib.getFunction(name, { return: names[result], arguments: parameters.map((type) => names[type]) });
          } catch {
            return undefined;
          }
          const isWide = parameters.map((type) => type === "pointer" || type === "int64");
          const callWide: ForeignFunction = (...values) =>
            call(...values.map((value, index) => (isWide[index] ? BigInt(value) : value)));
          return result === "string" ? (...values) => ffi.toString(callWide(...values) as bigint) : callWide;
        },
      };
    },
    addressOf: (buffer) => Number(ffi.getRawPointer(buffer)),
  };
}
