import { crc32 } from "@gpt/common";
import { readHeader } from "@gpt/formats";
import type { OutputFile, RandomAccessFile, ReadableFolder } from "@gpt/formats";
import { quote } from "@gpt/tensor";
import { TrainError } from "../errors.ts";

/**
 * CRC-32 of a file's parts, eight hexadecimal digits each: they find every change of up to 32 neighbouring bits, and
 * others but for one in four thousand million. They guard against damage, not against an adversary.
 */
export interface FileChecksums {
  /** Of what is no tensor: of a safetensors file its header, of other files all. */
  readonly rest: string;
  /** Of each tensor's bytes. */
  readonly tensors?: Readonly<Record<string, string>>;
}

/** The checksums of files by their names. */
export type Checksums = Readonly<Record<string, FileChecksums>>;

const blockBytes = 2 ** 22;
/** Bytes of the header's length in front of a safetensors header. */
const prefixBytes = 8;

/** A file as it was, whose checksums are put into `into` while it is written. */
export function recordChecksums({ name, chunks }: OutputFile, into: Record<string, FileChecksums>): OutputFile {
  async function* recorded(): AsyncGenerator<Uint8Array> {
    const parts = new PartChecksums();
    let head: Uint8Array | undefined = isSafetensors(name) ? new Uint8Array() : undefined;
    for await (const chunk of chunks) {
      if (head) {
        head = joined(head, chunk);
        const tensors = headerEntries(head);
        if (tensors) {
          parts.expect(tensors);
          parts.update(head);
          head = undefined;
        }
      } else parts.update(chunk);
      yield chunk;
    }
    into[name] = parts.checksums();
  }
  return { name, chunks: recorded() };
}

/** Compares a folder's files with the checksums that were recorded. Throws `invalid-checkpoint`, which names the part. */
export async function verifyChecksums(folder: ReadableFolder, recorded: Checksums): Promise<void> {
  for (const [name, expected] of Object.entries(recorded)) {
    const file = await folder.open(name);
    if (!file) throw new TrainError("invalid-checkpoint", `${name} is missing`);
    try {
      const changed = firstChanged(await checksumsOf(file, name), expected);
      if (changed !== undefined) {
        throw new TrainError("invalid-checkpoint", `${name}: ${changed} is not what was written (by its checksum)`);
      }
    } finally {
      await file.close();
    }
  }
}

async function checksumsOf(file: RandomAccessFile, name: string): Promise<FileChecksums> {
  const parts = new PartChecksums();
  if (isSafetensors(name)) parts.expect(await readEntries(file));
  for (let offset = 0; offset < file.size; offset += blockBytes) {
    parts.update(await file.read(offset, Math.min(blockBytes, file.size - offset)));
  }
  return parts.checksums();
}

function firstChanged(found: FileChecksums, expected: FileChecksums): string | undefined {
  if (found.rest !== expected.rest) return expected.tensors ? "its header" : "it";
  for (const [tensor, checksum] of Object.entries(expected.tensors ?? {})) {
    if (found.tensors?.[tensor] !== checksum) return `tensor ${quote(tensor)}`;
  }
  return undefined;
}

function isSafetensors(name: string): boolean {
  return name.endsWith(".safetensors");
}

/** A tensor's name, and the place of its bytes in the file. */
interface Entry {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Sums up the bytes of a file, which come in their order, each for the part that it belongs to. */
class PartChecksums {
  #entries: readonly Entry[] | undefined;
  #current = 0;
  #position = 0;
  #rest = 0;
  readonly #tensors: [string, string][] = [];
  #tensor = 0;

  /** Where the tensors lie; said before their bytes come. */
  expect(entries: readonly Entry[]): void {
    this.#entries = entries.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start);
  }

  update(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const entry = this.#entries?.[this.#current];
      const inside = entry !== undefined && this.#position >= entry.start;
      const end = (inside ? entry.end : entry?.start) ?? Infinity;
      const part = bytes.subarray(from, from + Math.min(bytes.length - from, end - this.#position));
      if (inside) this.#tensor = crc32(part, this.#tensor);
      else this.#rest = crc32(part, this.#rest);
      from += part.length;
      this.#position += part.length;
      if (inside && this.#position === end) {
        this.#tensors.push([entry.name, formatChecksum(this.#tensor)]);
        this.#tensor = 0;
        this.#current++;
      }
    }
  }

  checksums(): FileChecksums {
    const rest = formatChecksum(this.#rest);
    return this.#entries ? { rest, tensors: Object.fromEntries(this.#tensors) } : { rest };
  }
}

/** The checksum of a text in UTF-8. */
export function checksumOf(text: string): string {
  return formatChecksum(crc32(new TextEncoder().encode(text)));
}

/** Eight hexadecimal digits. */
export function formatChecksum(checksum: number): string {
  return checksum.toString(16).padStart(8, "0");
}

/** Where the tensors lie in a file that comes from somewhere. Throws `invalid-file`. */
async function readEntries(file: RandomAccessFile): Promise<Entry[]> {
  const { tensors } = await readHeader(file);
  return Array.from(tensors, ([name, { start, end }]) => ({ name, start, end }));
}

/** The same of a file that is being written, of which this is the beginning; undefined where that is not enough. */
function headerEntries(head: Uint8Array): Entry[] | undefined {
  if (head.length < prefixBytes) return undefined;
  const dataStart = prefixBytes + Number(new DataView(head.buffer, head.byteOffset).getBigUint64(0, true));
  if (head.length < dataStart) return undefined;
  const json = new TextDecoder().decode(head.subarray(prefixBytes, dataStart));
  const { __metadata__: _, ...tensors } = JSON.parse(json) as Record<string, { data_offsets: [number, number] }>;
  return Object.entries(tensors).map(([name, { data_offsets: [start, end] }]) => ({
    name,
    start: dataStart + start,
    end: dataStart + end,
  }));
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
