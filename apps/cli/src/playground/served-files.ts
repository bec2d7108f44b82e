import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";

/** A file that a server gives. */
export interface ServedFile {
  readonly path: string;
  readonly size: number;
  /** Of its version. */
  readonly tag: string;
  /** Whether its name is another where its contents are. */
  readonly isNamedByContents: boolean;
}

/** Files by their paths in addresses. What is not among them is not there, whatever an address says. */
export type ServedFiles = ReadonlyMap<string, ServedFile>;

/** All files of a folder, and of those in it; `index.html` is the folder's own too. None where there is no such folder. */
export async function filesOfPage(folder: string): Promise<ServedFiles> {
  const files = new Map<string, ServedFile>();
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = `/${relative(folder, path).split(sep).join("/")}`;
    const contents = await readFile(path); // Their time tells nothing: in a package all files have the same.
    const tag = `"${createHash("sha256").update(contents).digest("base64url").slice(0, 22)}"`;
    // Vite names them NAME-HASH.js.
    const file = { path, size: contents.length, tag, isNamedByContents: name.startsWith("/assets/") };
    files.set(name, file);
    if (entry.name === "index.html") files.set(name.slice(0, -entry.name.length), file);
  }
  return files;
}

/** What tells files of GGUF apart that hold one model. */
const partNumber = /\d{5}(?=-of-\d{5}\.gguf$)/i;

/** A model's own files below a path: those in its folder, or a GGUF file with all that it is split over. */
export async function filesOfModel(model: string, place: string): Promise<ServedFiles> {
  const isFolder = (await stat(model)).isDirectory();
  const folder = isFolder ? model : dirname(model);
  const isPart = (name: string): boolean => name.replace(partNumber, "") === basename(model).replace(partNumber, "");
  const files = new Map<string, ServedFile>();
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const status = await stat(path);
    if (!status.isFile() || !(isFolder || isPart(name))) continue;
    files.set(`${place}/${name}`, { path, size: status.size, tag: `"${status.size}-${status.mtimeMs}"`, isNamedByContents: false });
  }
  return files;
}
