import { mkdir, writeFile } from "node:fs/promises";
import { join, parse, relative, sep } from "node:path";
import type { FileOperations } from "@gpt/gpt/node";

interface SimulatedFile {
  readonly chunks: Uint8Array[];
  /** How many of them would survive a crash. */
  synced: number;
}

type Names = ReadonlyMap<string, SimulatedFile | SimulatedFolder>;
type Change = (names: Map<string, SimulatedFile | SimulatedFolder>) => void;

/** A folder whose names change now, and on the disk at some time up to the next sync, in their order. */
class SimulatedFolder {
  readonly names = new Map<string, SimulatedFile | SimulatedFolder>();
  readonly #synced = new Map<string, SimulatedFile | SimulatedFolder>();
  readonly #pending: Change[] = [];

  change(change: Change): void {
    change(this.names);
    this.#pending.push(change);
  }

  sync(): void {
    for (const change of this.#pending.splice(0)) change(this.#synced);
  }

  /** The names on the disk when of the changes since the last sync only a share, the oldest, has got there. */
  onDisk(share: number): Names {
    const names = new Map(this.#synced);
    for (const change of this.#pending.slice(0, Math.round(share * this.#pending.length))) change(names);
    return names;
  }
}

/** What a crash leaves of all that was not synced. */
export interface Crash {
  /** Of the last changes of a folder's names, the share that got to the disk; asked for each folder. */
  names(): number;
  /** Whether the contents of files did. */
  readonly contents: boolean;
}

type Step = (root: SimulatedFolder) => void;

/**
 * A file system in memory that knows what it was asked to sync, and can be looked at as a crash would leave it, behind
 * any of the operations that it has carried out.
 */
export class SimulatedDisk implements FileOperations {
  readonly #root = new SimulatedFolder();
  readonly #steps: Step[] = [];

  /** How many operations have changed the disk. */
  get operationCount(): number {
    return this.#steps.length;
  }

  /** The contents of all files in a folder, by name. */
  contents(path: string): Map<string, Uint8Array> {
    const files = new Map<string, Uint8Array>();
    for (const [name, node] of folderAt(this.#root, path).names) {
      if (!(node instanceof SimulatedFolder)) files.set(name, Buffer.concat(node.chunks));
    }
    return files;
  }

  /** Writes what a crash behind the first `count` operations leaves of the folder `path` to one on the real disk. */
  async writeCrashed(count: number, crash: Crash, path: string, target: string): Promise<void> {
    const root = new SimulatedFolder();
    for (const step of this.#steps.slice(0, count)) step(root);
    let folder: SimulatedFile | SimulatedFolder | undefined = root;
    for (const name of namesOf(path)) {
      if (folder instanceof SimulatedFolder) folder = folder.onDisk(crash.names()).get(name);
    }
    if (folder instanceof SimulatedFolder) await writeFolder(folder, crash, target);
  }

  async makeDirectory(path: string): Promise<void> {
    this.#carryOut((root) => put(root, path, new SimulatedFolder()));
  }

  async createFile(path: string) {
    this.#carryOut((root) => put(root, path, { chunks: [], synced: 0 }));
    return {
      write: async (bytes: Uint8Array) => {
        const copy = bytes.slice();
        this.#carryOut((root) => fileAt(root, path).chunks.push(copy));
        return bytes.length;
      },
      sync: async () =>
        this.#carryOut((root) => {
          const file = fileAt(root, path);
          file.synced = file.chunks.length;
        }),
      close: async () => undefined,
    };
  }

  async rename(from: string, to: string): Promise<void> {
    const [old, name] = [parse(from), parse(to)];
    if (old.dir !== name.dir) throw new Error("only names in one folder can be exchanged here");
    this.#carryOut((root) => {
      const node = nodeAt(root, from);
      folderAt(root, name.dir).change((names) => {
        names.delete(old.base);
        names.set(name.base, node);
      });
    });
  }

  async syncDirectory(path: string): Promise<void> {
    this.#carryOut((root) => folderAt(root, path).sync());
  }

  async remove(path: string): Promise<void> {
    this.#carryOut((root) => removeTree(folderAt(root, parse(path).dir), parse(path).base));
  }

  async list(path: string): Promise<string[] | undefined> {
    const node = find(this.#root, path);
    return node instanceof SimulatedFolder ? [...node.names.keys()] : undefined;
  }

  #carryOut(step: Step): void {
    step(this.#root);
    this.#steps.push(step);
  }
}

async function writeFolder(folder: SimulatedFolder, crash: Crash, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const [name, node] of folder.onDisk(crash.names())) {
    const path = join(target, name);
    if (node instanceof SimulatedFolder) await writeFolder(node, crash, path);
    else await writeFile(path, Buffer.concat(crash.contents ? node.chunks : node.chunks.slice(0, node.synced)));
  }
}

/** Removes what is inside first, as systems do; each folder's names get to the disk on their own. */
function removeTree(parent: SimulatedFolder, name: string): void {
  const node = parent.names.get(name);
  if (node === undefined) return;
  if (node instanceof SimulatedFolder) for (const inner of [...node.names.keys()]) removeTree(node, inner);
  parent.change((names) => void names.delete(name));
}

function put(root: SimulatedFolder, path: string, node: SimulatedFile | SimulatedFolder): void {
  const { dir, base } = parse(path);
  const folder = folderAt(root, dir);
  if (folder.names.has(base)) throw Object.assign(new Error(`EEXIST: ${path}`), { code: "EEXIST" });
  folder.change((names) => void names.set(base, node));
}

function namesOf(path: string): string[] {
  return relative(parse(path).root, path).split(sep).filter(Boolean);
}

function find(root: SimulatedFolder, path: string): SimulatedFile | SimulatedFolder | undefined {
  let node: SimulatedFile | SimulatedFolder | undefined = root;
  for (const name of namesOf(path)) node = node instanceof SimulatedFolder ? node.names.get(name) : undefined;
  return node;
}

function nodeAt(root: SimulatedFolder, path: string): SimulatedFile | SimulatedFolder {
  const node = find(root, path);
  if (!node) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
  return node;
}

function folderAt(root: SimulatedFolder, path: string): SimulatedFolder {
  const node = nodeAt(root, path);
  if (!(node instanceof SimulatedFolder)) throw Object.assign(new Error(`ENOTDIR: ${path}`), { code: "ENOTDIR" });
  return node;
}

function fileAt(root: SimulatedFolder, path: string): SimulatedFile {
  const node = nodeAt(root, path);
  if (node instanceof SimulatedFolder) throw Object.assign(new Error(`EISDIR: ${path}`), { code: "EISDIR" });
  return node;
}
