import { GPTError } from "../errors.ts";
import type { ReadableFolder } from "./random-access.ts";

/** Reads a small file whole, or gives undefined where there is none. Throws `invalid-file` beyond `maxBytes`. */
export async function readSmallFile(
  folder: ReadableFolder,
  name: string,
  maxBytes: number,
): Promise<{ readonly bytes: Uint8Array; readonly path: string } | undefined> {
  const file = await folder.open(name);
  if (!file) return undefined;
  try {
    if (file.size > maxBytes) {
      throw new GPTError("invalid-file", `${file.name} has ${file.size} bytes, more than the limit of ${maxBytes}`);
    }
    return { bytes: await file.read(0, file.size), path: file.name };
  } finally {
    await file.close();
  }
}
