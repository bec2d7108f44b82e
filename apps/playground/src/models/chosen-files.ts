import type { ModelSource } from "../engine/api/model.ts";

/** Files that were chosen together: of a folder those that lie in it, not those of folders in it. */
export function sourceOf(files: readonly File[], folder?: string): ModelSource & { readonly kind: "files" } {
  const partsOf = (file: File): string[] => file.webkitRelativePath.split("/");
  const own = files.filter((file) => file.webkitRelativePath === "" || partsOf(file).length === 2);
  const name = folder ?? (files[0]?.webkitRelativePath ? partsOf(files[0])[0] : own.find(isGGUF)?.name ?? own[0]?.name ?? "");
  return { kind: "files", name, files: own };
}

/** What is dropped: its name, and where it is once its files are listed. */
interface DroppedModel {
  readonly name: string;
  readonly source: Promise<ModelSource>;
}

/**
 * The model that is dropped, if it is one: a folder, GGUF files, or files among which is a configuration. Other files are for the screens. What is dropped can be
 * asked for during the event alone, before the first promise.
 */
export function droppedModel({ items }: DataTransfer, takesFolders: boolean): DroppedModel | undefined {
  const entries = Array.from(items, (item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const folder = entries.find(({ entry }) => entry?.isDirectory)?.entry as FileSystemDirectoryEntry | undefined;
  if (folder && !takesFolders) return undefined;
  if (folder) return { name: folder.name, source: filesIn(folder).then((files) => sourceOf(files, folder.name)) };
  const files = entries.flatMap(({ file }) => file ?? []);
  if (!files.some((file) => isGGUF(file) || file.name === "config.json")) return undefined;
  const source = sourceOf(files);
  return { name: source.name, source: Promise.resolve(source) };
}

const isGGUF = ({ name }: File): boolean => /\.gguf$/i.test(name);

async function filesIn(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const files: File[] = [];
  // A reader gives some at a time, and none at the end.
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return files;
    for (const entry of entries) {
      if (entry.isFile) files.push(await new Promise((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
    }
  }
}
