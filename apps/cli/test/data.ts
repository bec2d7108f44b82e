import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "./gpt.ts";

export const text = Array.from({ length: 400 }, (_, i) => `The ${["cat", "dog", "owl"][i % 3]} sat on mat ${i % 7}.\n`).join("");

/** Options of a model that trains in no time. */
export const small = ["--layers", "1", "--heads", "2", "--dim", "16", "--context", "16", "--batch", "2", "--log-every", "2"];

/** A folder with a text to train on, which goes when the test ends. */
export async function folderWithText(): Promise<string> {
  const directory = await temporaryFolder();
  await writeFile(join(directory, "text.txt"), text);
  return directory;
}
