import { findLibrary } from "../src/backends/wasm/native/find.ts";

/** Why the backend `native` cannot run on this machine; undefined where it can. Tests of it are left out, and say so. */
export const nativeObstacle: string | undefined = obstacle();

function obstacle(): string | undefined {
  try {
    findLibrary(undefined, import.meta.url, true);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
