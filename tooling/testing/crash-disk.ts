import { basename, dirname, parse } from "node:path";

/** The names in a folder, with files and folders. */
export type Tree = ReadonlyMap<string, Uint8Array | Tree>;

/** A file or folder; names refer to it by this number, and renaming does not change it. */
type Inode = number;
type Names = ReadonlyMap<string, Inode>;

/** Names of one folder that are set to an inode or removed, which happens as a whole. */
type Change = readonly (readonly [name: string, inode: Inode | undefined])[];

class File {
  readonly chunks: Uint8Array[] = [];
  /** How many of them would survive a crash. */
  synced = 0;

  sync(): void {
    this.synced = this.chunks.length;
  }
}

class Folder {
  /** What programs see. */
  readonly names = new Map<string, Inode>();
  /** What would survive a crash. */
  readonly synced = new Map<string, Inode>();
  /** The changes since the last sync. */
  readonly pending: Change[] = [];

  change(change: Change): void {
    apply(change, this.names);
    this.pending.push(change);
  }

  sync(): void {
    for (const change of this.pending.splice(0)) apply(change, this.synced);
  }
}

type State = Map<Inode, File | Folder>;
type Step = (state: State) => void;

const root: Inode = 0;
/** With more changes of a folder that may or may not have reached the disk, not all combinations are tried. */
const maxCombined = 6;

export interface CrashOptions {
  /** The first and the last moment, as numbers of operations since the beginning. Default: all. */
  readonly from?: number;
  readonly until?: number;
  /** Names of which it does not matter what they hold: states that differ in them alone come once. Default: none. */
  readonly ignore?: (name: string) => boolean;
}

/**
 * A disk in memory, for `FileOperations` of `@gpt/gpt/node`, that records what is done to it and can tell what might be
 * left after a crash at any moment: what was written to files since they were synced is missing or there; each change
 * of names in a folder since that was synced happened or did not, whatever became of those before and after it.
 */
export class CrashDisk {
  readonly #state: State = new Map([[root, new Folder()]]);
  readonly #initial: readonly Step[];
  readonly #steps: Step[] = [];
  #inodes = root + 1;

  /** What the disk holds in the beginning is synced. */
  constructor(initial: Tree = new Map()) {
    this.#fill(root, initial);
    this.#initial = this.#steps.splice(0);
  }

  #fill(folder: Inode, tree: Tree): void {
    for (const [name, content] of tree) {
      const inode = this.#create(folder, name, content instanceof Uint8Array ? File : Folder);
      if (content instanceof Uint8Array) {
        this.#carryOut((state) => fileOf(state, inode).chunks.push(content));
        this.#carryOut((state) => fileOf(state, inode).sync());
      } else this.#fill(inode, content);
    }
    this.#carryOut((state) => folderOf(state, folder).sync());
  }

  /** How many operations have changed or synced something. */
  get operationCount(): number {
    return this.#steps.length;
  }

  async makeDirectory(path: string): Promise<void> {
    if (this.#find(path) === undefined) this.#create(this.#folder(dirname(path)), basename(path), Folder);
  }

  async createFile(path: string) {
    if (this.#find(path) !== undefined) throw systemError("EEXIST", path);
    const file = this.#create(this.#folder(dirname(path)), basename(path), File);
    let whole = true;
    return {
      /** Every other time the half, as a system may. */
      write: async (bytes: Uint8Array): Promise<number> => {
        whole = !whole;
        const part = bytes.slice(0, whole ? bytes.length : Math.ceil(bytes.length / 2));
        this.#carryOut((state) => fileOf(state, file).chunks.push(part));
        return part.length;
      },
      sync: async (): Promise<void> => this.#carryOut((state) => fileOf(state, file).sync()),
      close: async (): Promise<void> => undefined,
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [this.#find(from), this.#find(to)];
    if (source === undefined) throw systemError("ENOENT", from);
    if (target !== undefined && this.#state.get(target) instanceof Folder) throw systemError("ENOTEMPTY", to);
    if (dirname(from) !== dirname(to)) throw systemError("EXDEV", to);
    this.#change(this.#folder(dirname(to)), [
      [basename(from), undefined],
      [basename(to), source],
    ]);
  }

  async syncDirectory(path: string): Promise<void> {
    const folder = this.#folder(path);
    this.#carryOut((state) => folderOf(state, folder).sync());
  }

  async remove(path: string): Promise<void> {
    const inode = this.#find(path);
    if (inode === undefined) return;
    this.#empty(inode);
    this.#change(this.#folder(dirname(path)), [[basename(path), undefined]]);
  }

  async removeEmptyDirectory(path: string): Promise<void> {
    const folder = folderOf(this.#state, this.#folder(path));
    if (folder.names.size > 0) throw systemError("ENOTEMPTY", path);
    await this.remove(path);
  }

  async list(path: string): Promise<readonly string[] | undefined> {
    return this.#find(path) === undefined ? undefined : [...folderOf(this.#state, this.#folder(path)).names.keys()];
  }

  /** What the disk holds. */
  tree(): Tree {
    const names = new Map(foldersOf(this.#state).map(([inode, folder]) => [inode, folder.names]));
    return treeOf(this.#state, names, true);
  }

  /** What it might hold after a crash, for every moment; the same names with the same contents once. */
  *crashes({ from = 0, until = this.operationCount, ignore = () => false }: CrashOptions = {}): Generator<Tree> {
    const seen = new Set<string>();
    const state: State = new Map([[root, new Folder()]]);
    for (const step of this.#initial) step(state);
    for (let count = 0; count <= until; count++) {
      if (count > 0) this.#steps[count - 1](state);
      if (count < from) continue;
      for (const names of survivingNames(state)) {
        for (const keepsUnsynced of [false, true]) {
          const signature = describe(state, names, keepsUnsynced, ignore);
          if (seen.has(signature)) continue;
          seen.add(signature);
          yield treeOf(state, names, keepsUnsynced);
        }
      }
    }
  }

  /** Removes what is in a folder, name by name. */
  #empty(inode: Inode): void {
    const folder = this.#state.get(inode);
    if (!(folder instanceof Folder)) return;
    for (const [name, inner] of [...folder.names]) {
      this.#empty(inner);
      this.#change(inode, [[name, undefined]]);
    }
  }

  #create(folder: Inode, name: string, kind: typeof File | typeof Folder): Inode {
    const inode = this.#inodes++;
    this.#carryOut((state) => {
      state.set(inode, new kind());
      folderOf(state, folder).change([[name, inode]]);
    });
    return inode;
  }

  #change(folder: Inode, change: Change): void {
    this.#carryOut((state) => folderOf(state, folder).change(change));
  }

  #carryOut(step: Step): void {
    step(this.#state);
    this.#steps.push(step);
  }

  #find(path: string): Inode | undefined {
    let inode: Inode | undefined = root;
    for (const name of partsOf(path)) {
      const folder: File | Folder | undefined = inode === undefined ? undefined : this.#state.get(inode);
      inode = folder instanceof Folder ? folder.names.get(name) : undefined;
    }
    return inode;
  }

  #folder(path: string): Inode {
    const inode = this.#find(path);
    if (inode === undefined) throw systemError("ENOENT", path);
    if (!(this.#state.get(inode) instanceof Folder)) throw systemError("ENOTDIR", path);
    return inode;
  }
}

export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: the disk says no, '${path}'`), { code });
}

/** What lies at a path, or undefined. */
export function at(tree: Tree, path: string): Uint8Array | Tree | undefined {
  let found: Uint8Array | Tree | undefined = tree;
  for (const name of partsOf(path)) found = found instanceof Map ? (found as Tree).get(name) : undefined;
  return found;
}

/** The contents of the files in a folder, by name; none where there is no such folder. */
export function filesIn(tree: Tree, path: string): Record<string, Uint8Array> {
  const folder = at(tree, path);
  const entries = folder instanceof Map ? [...(folder as Tree)] : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, Uint8Array] => entry[1] instanceof Uint8Array));
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

function partsOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(/[\\/]/)
    .filter((name) => name !== "");
}

function apply(change: Change, names: Map<string, Inode>): void {
  for (const [name, inode] of change) {
    if (inode === undefined) names.delete(name);
    else names.set(name, inode);
  }
}

function fileOf(state: State, inode: Inode): File {
  return state.get(inode) as File;
}

function folderOf(state: State, inode: Inode): Folder {
  return state.get(inode) as Folder;
}

function foldersOf(state: State): [Inode, Folder][] {
  return [...state].filter((entry): entry is [Inode, Folder] => entry[1] instanceof Folder);
}

/**
 * What the folders may hold after a crash, in every combination: each has any of its pending changes where they are
 * few, else the oldest ones, which is what journals keep.
 */
function survivingNames(state: State): ReadonlyMap<Inode, Names>[] {
  let all = [new Map<Inode, Names>()];
  for (const [inode, folder] of reachableFolders(state)) {
    const choose = folder.pending.length <= maxCombined ? subsets : beginnings;
    const outcomes = choose(folder.pending).map((changes) => {
      const names = new Map(folder.synced);
      for (const change of changes) apply(change, names);
      return names;
    });
    all = all.flatMap((others) => outcomes.map((names) => new Map(others).set(inode, names)));
  }
  return all;
}

/** The folders that might be found after a crash; those that are gone for good are not. */
function reachableFolders(state: State, from: Inode = root, found = new Map<Inode, Folder>()): [Inode, Folder][] {
  const folder = state.get(from);
  if (folder instanceof Folder && !found.has(from)) {
    found.set(from, folder);
    const changed = folder.pending.flat().map(([, inode]) => inode);
    for (const inode of [...folder.synced.values(), ...changed]) {
      if (inode !== undefined) reachableFolders(state, inode, found);
    }
  }
  return [...found];
}

function subsets<T>(items: readonly T[]): T[][] {
  return Array.from({ length: 2 ** items.length }, (_, bits) => items.filter((_, i) => bits & (1 << i)));
}

function beginnings<T>(items: readonly T[]): T[][] {
  return Array.from({ length: items.length + 1 }, (_, length) => items.slice(0, length));
}

function survivingChunks({ chunks, synced }: File, keepsUnsynced: boolean): readonly Uint8Array[] {
  return keepsUnsynced ? chunks : chunks.slice(0, synced);
}

function treeOf(state: State, names: ReadonlyMap<Inode, Names>, keepsUnsynced: boolean): Tree {
  const build = (inode: Inode): Uint8Array | Tree => {
    const node = state.get(inode);
    if (node instanceof File) return Uint8Array.from(Buffer.concat(survivingChunks(node, keepsUnsynced)));
    return new Map(Array.from(names.get(inode) ?? [], ([name, inner]) => [name, build(inner)] as const));
  };
  return build(root) as Tree;
}

/** The same text for the same names with the same contents. */
function describe(
  state: State,
  names: ReadonlyMap<Inode, Names>,
  keepsUnsynced: boolean,
  ignore: (name: string) => boolean,
): string {
  const text = (inode: Inode): string => {
    const node = state.get(inode);
    if (node instanceof File) return `${inode}-${survivingChunks(node, keepsUnsynced).length}`;
    const entries = Array.from(names.get(inode) ?? []).filter(([name]) => !ignore(name));
    return `{${entries.map(([name, inner]) => `${JSON.stringify(name)}:${text(inner)}`).sort().join()}}`;
  };
  return text(root);
}

/** The crash states of a call that succeeds. */
export async function crashesOf(initial: Tree, call: (operations: CrashDisk) => Promise<void>): Promise<Tree[]> {
  const disk = new CrashDisk(initial);
  await call(disk);
  return [...disk.crashes()];
}
