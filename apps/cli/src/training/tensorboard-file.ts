import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { TrainEvent } from "@gpt/train";

/** What the figures of an event are called in front of their names. */
const groups = { step: "train", evaluation: "validation", checkpoint: undefined, done: "final" } as const satisfies Record<TrainEvent["type"], string | undefined>;

/**
 * Figures as TensorBoard reads them: a file of TensorFlow's records (`record_writer.h`), each a protocol buffer `Event`
 * (`event.proto`, `summary.proto`) that holds a step, a time, and f32 values by tag. Each process has a file of its own; the
 * one of a resumed run says from which step on it replaces what earlier files have.
 */
export class TensorBoardFile {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  static async create(directory: string, resumedStep: number | undefined): Promise<TensorBoardFile> {
    const time = new Date();
    // Files are read in the order of their names.
    const file = new TensorBoardFile(await open(join(directory, `events.out.tfevents.${time.getTime()}.gpt`), "wx"));
    await file.#append(time, 0, field(3, "brain.Event:2"));
    // A session that starts: `SessionLog { status: START }`.
    if (resumedStep !== undefined) await file.#append(time, resumedStep + 1, field(7, varintField(1, 1)));
    return file;
  }

  /** Adds the numbers of an event's record. */
  async add(type: TrainEvent["type"], record: Readonly<Record<string, unknown>>, time: Date): Promise<void> {
    const group = groups[type];
    if (group === undefined || record.interrupted === true) return;
    const { step, tokens: _tokens, valLoss, ...figures } = record;
    const numbers = Object.entries({ ...(valLoss === null ? {} : { loss: valLoss }), ...figures }).filter(([, value]) => typeof value === "number");
    const values = numbers.map(([name, value]) => field(1, Buffer.concat([field(1, `${group}/${name}`), floatField(2, value as number)])));
    await this.#append(time, step as number, field(5, Buffer.concat(values)));
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #append(time: Date, step: number, what: Uint8Array): Promise<void> {
    await this.#file.appendFile(recordOf(Buffer.concat([doubleField(1, time.getTime() / 1000), varintField(2, step), what])));
  }
}

/** A record with its length, and checksums of both. */
function recordOf(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(data.length + 16);
  record.writeBigUInt64LE(BigInt(data.length));
  record.writeUInt32LE(maskedChecksum(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedChecksum(data), 12 + data.length);
  return record;
}

/** As TensorFlow masks it (`crc32c.h`), since the checksum of data that hold their own checksum would say little. */
function maskedChecksum(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}

/** CRC-32C, of the polynomial of Castagnoli (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
}

/** A field of a text or a message, by its length. */
function field(number: number, content: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(content as Uint8Array);
  return Buffer.concat([Uint8Array.of((number << 3) | 2), varint(bytes.length), bytes]);
}

function varintField(number: number, value: number): Uint8Array {
  return Buffer.concat([Uint8Array.of(number << 3), varint(value)]);
}

function doubleField(number: number, value: number): Uint8Array {
  const bytes = Buffer.of((number << 3) | 1, 0, 0, 0, 0, 0, 0, 0, 0);
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function floatField(number: number, value: number): Uint8Array {
  const bytes = Buffer.of((number << 3) | 5, 0, 0, 0, 0);
  bytes.writeFloatLE(value, 1);
  return bytes;
}

/** Seven bits a byte, the lowest first. Steps exceed 32 bits. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Uint8Array.of(...bytes, value);
}
