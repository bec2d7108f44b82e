import { basename, dirname } from "node:path/posix";
import type { ReadableFolder } from "../../files/random-access.ts";
import type { FileOperations } from "../file-operations.ts";
import { joined, memoryFolder } from "../../testing/fixtures.ts";

/** The names in a folder, with files and folders. */
export type Tree = ReadonlyMap<string, Uint8Array | Tree>;

/** A file or folder; names refer to it by this number, and renaming does not change it. */
type Inode = number;

/** An entry of a folder, set to an inode or removed. Several make one change that happens as a whole. */
interface Change {
  readonly directory: Inode;
  readonly entries: readonly (readonly [name: string, target: Inode | undefined])[];
}

type Step =
  | { readonly kind: "change"; readonly change: Change }
  | { readonly kind: "write"; readonly file: Inode; readonly bytes: Uint8Array }
  | { readonly kind: "sync"; readonly inode: Inode };

const root: Inode = 0;
/** With more changes that may or may not have reached the disk, not all combinations are tried. */
const mostCombined = 6;

/**
 * A disk in memory that records what is done to it and can tell what might be left after a crash at any moment: what
 * was written to a file and not synced is missing or there; each change of names in a folder that was not synced
 * happened or did not.
 */
export class CrashDisk implements FileOperations {
  readonly #initial: readonly Step[];
  readonly #log: Step[] = [];
  readonly #directories = new Set<Inode>([root]);
  #inodes = 1;

  /** What the disk holds in the beginning is synced. */
  constructor(initial: Tree = new Map()) {
    this.#add(root, initial);
    this.#initial = this.#log.splice(0);
  }

  #add(directory: Inode, tree: Tree): void {
    for (const [name, content] of tree) {
      const inode = this.#inodes++;
      this.#change(directory, [[name, inode]]);
      if (content instanceof Uint8Array) {
        this.#log.push({ kind: "write", file: inode, bytes: content }, { kind: "sync", inode });
      } else {
        this.#directories.add(inode);
        this.#add(inode, content);
      }
    }
    this.#log.push({ kind: "sync", inode: directory });
  }

  makeDirectory(path: string): Promise<void> {
    return this.#run(() => {
      if (this.#find(path) !== undefined) return;
      this.#directories.add(this.#inodes);
      this.#change(this.#directory(dirname(path)), [[basename(path), this.#inodes++]]);
    });
  }

  createFile(path: string): ReturnType<FileOperations["createFile"]> {
    return this.#run(() => {
      if (this.#find(path) !== undefined) throw systemError("EEXIST", path);
      const file = this.#inodes++;
      this.#change(this.#directory(dirname(path)), [[basename(path), file]]);
      return {
        // Half at a time, as a system may.
        write: (bytes) =>
          this.#run(() => {
            const part = bytes.slice(0, Math.ceil(bytes.length / 2));
            this.#log.push({ kind: "write", file, bytes: part });
            return part.length;
          }),
        sync: () => this.#run(() => void this.#log.push({ kind: "sync", inode: file })),
        close: () => Promise.resolve(),
      };
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run(() => {
      const [source, target] = [this.#find(from), this.#find(to)];
      if (source === undefined) throw systemError("ENOENT", from);
      if (target !== undefined && this.#directories.has(target)) throw systemError("ENOTEMPTY", to);
      if (dirname(from) !== dirname(to)) throw systemError("EXDEV", to);
      this.#change(this.#directory(dirname(to)), [
        [basename(from), undefined],
        [basename(to), source],
      ]);
    });
  }

  syncDirectory(path: string): Promise<void> {
    return this.#run(() => void this.#log.push({ kind: "sync", inode: this.#directory(path) }));
  }

  remove(path: string): Promise<void> {
    return this.#run(() => {
      const inode = this.#find(path);
      if (inode === undefined) return;
      this.#empty(inode);
      this.#change(this.#directory(dirname(path)), [[basename(path), undefined]]);
    });
  }

  /** Removes what is in a folder, name by name. */
  #empty(directory: Inode): void {
    for (const [name, inode] of this.#namesAfter(this.#all()).get(directory) ?? []) {
      this.#empty(inode);
      this.#change(directory, [[name, undefined]]);
    }
  }

  list(path: string): Promise<readonly string[] | undefined> {
    return this.#run(() => {
      const inode = this.#find(path);
      if (inode === undefined) return undefined;
      if (!this.#directories.has(inode)) throw systemError("ENOTDIR", path);
      return [...(this.#namesAfter(this.#all()).get(inode) ?? new Map<string, Inode>()).keys()];
    });
  }

  /** What the disk holds. */
  tree(): Tree {
    return this.#build(this.#all(), () => true, true);
  }

  /** What it might hold after a crash, for every moment since the beginning; the same content once. */
  *crashes(): Generator<Tree> {
    yield* this.#crashes(0);
  }

  /** What it might hold after a crash at this moment. */
  *crashesNow(): Generator<Tree> {
    yield* this.#crashes(this.#log.length);
  }

  *#crashes(first: number): Generator<Tree> {
    const seen = new Set<string>();
    for (let length = first; length <= this.#log.length; length++) {
      const steps = [...this.#initial, ...this.#log.slice(0, length)];
      const pending = steps.filter((step, i) => step.kind === "change" && !isSynced(steps, i, step.change.directory));
      for (const happened of subsets(pending)) {
        for (const keepUnsynced of [false, true]) {
          const tree = this.#build(steps, (step) => !pending.includes(step) || happened.includes(step), keepUnsynced);
          const signature = describe(tree);
          if (seen.has(signature)) continue;
          seen.add(signature);
          yield tree;
        }
      }
    }
  }

  #all(): Step[] {
    return [...this.#initial, ...this.#log];
  }

  #change(directory: Inode, entries: Change["entries"]): void {
    this.#log.push({ kind: "change", change: { directory, entries } });
  }

  /** Runs as an asynchronous operation would. */
  async #run<T>(operation: () => T): Promise<T> {
    await Promise.resolve();
    return operation();
  }

  #namesAfter(steps: readonly Step[]): Map<Inode, Map<string, Inode>> {
    const directories = new Map<Inode, Map<string, Inode>>();
    for (const step of steps) {
      if (step.kind !== "change") continue;
      const { directory, entries } = step.change;
      const names = directories.get(directory) ?? new Map<string, Inode>();
      directories.set(directory, names);
      for (const [name, target] of entries) {
        if (target === undefined) names.delete(name);
        else names.set(name, target);
      }
    }
    return directories;
  }

  #build(steps: readonly Step[], happened: (step: Step) => boolean, keepUnsynced: boolean): Tree {
    const names = this.#namesAfter(steps.filter(happened));
    const contents = new Map<Inode, Uint8Array[]>();
    steps.forEach((step, i) => {
      if (step.kind !== "write" || !(keepUnsynced || isSynced(steps, i, step.file))) return;
      contents.set(step.file, [...(contents.get(step.file) ?? []), step.bytes]);
    });
    const build = (inode: Inode): Uint8Array | Tree =>
      this.#directories.has(inode)
        ? new Map(Array.from(names.get(inode) ?? [], ([name, target]) => [name, build(target)] as const))
        : joined(contents.get(inode) ?? []);
    return build(root) as Tree;
  }

  #find(path: string): Inode | undefined {
    const names = this.#namesAfter(this.#all());
    let inode: Inode | undefined = root;
    for (const part of path.split("/").filter((part) => part !== "")) {
      inode = inode === undefined ? undefined : names.get(inode)?.get(part);
    }
    return inode;
  }

  #directory(path: string): Inode {
    const inode = this.#find(path);
    if (inode === undefined) throw systemError("ENOENT", path);
    if (!this.#directories.has(inode)) throw systemError("ENOTDIR", path);
    return inode;
  }
}

function isSynced(steps: readonly Step[], index: number, inode: Inode): boolean {
  return steps.some((step, i) => i > index && step.kind === "sync" && step.inode === inode);
}

function* subsets<T>(items: readonly T[]): Generator<readonly T[]> {
  if (items.length > mostCombined) {
    // In their order, which is what journals keep.
    for (let count = 0; count <= items.length; count++) yield items.slice(0, count);
    return;
  }
  for (let bits = 0; bits < 2 ** items.length; bits++) yield items.filter((_, i) => bits & (1 << i));
}

function describe(tree: Tree): string {
  return JSON.stringify(
    Array.from(tree, ([name, content]) => [
      name,
      content instanceof Uint8Array ? [...content].join() : describe(content),
    ]).sort(),
  );
}

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: the disk says no, '${path}'`), { code });
}

/** What lies at a path, or undefined. */
export function at(tree: Tree, path: string): Uint8Array | Tree | undefined {
  let found: Uint8Array | Tree | undefined = tree;
  for (const part of path.split("/").filter((part) => part !== "")) {
    found = found instanceof Map ? (found as Tree).get(part) : undefined;
  }
  return found;
}

/** The texts of the files in a folder, or undefined where there is no such folder. */
export function textsIn(tree: Tree, path: string): Record<string, string> | undefined {
  const folder = at(tree, path);
  if (!(folder instanceof Map)) return undefined;
  return Object.fromEntries(
    Array.from(folder as Tree, ([name, content]) => [
      name,
      content instanceof Uint8Array ? new TextDecoder().decode(content) : "(folder)",
    ]),
  );
}

/** A folder of a tree, to read from. */
export function folderIn(tree: Tree, path: string): ReadableFolder {
  const folder = at(tree, path);
  const entries = folder instanceof Map ? [...(folder as Tree)] : [];
  return memoryFolder(
    Object.fromEntries(entries.filter((entry): entry is [string, Uint8Array] => entry[1] instanceof Uint8Array)),
    path,
  );
}
