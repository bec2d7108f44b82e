import { crc32c } from "../src/training/tensorboard-file.ts";

/** An event of a file for TensorBoard. */
export interface FoundEvent {
  readonly seconds: number;
  readonly step: number;
  readonly version: string | undefined;
  readonly sessionStart: boolean;
  readonly values: Readonly<Record<string, number>>;
}

/** Reads TensorFlow's records of protocol buffers: the checksums are unmasked as `crc32c.h` has it. */
export function readEvents(file: Buffer): FoundEvent[] {
  const events: FoundEvent[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    for (const [bytes, masked] of [[file.subarray(at, at + 8), file.readUInt32LE(at + 8)], [data, file.readUInt32LE(at + 12 + length)]] as const) {
      const rotated = (masked - 0xa282ead8) >>> 0;
      if ((((rotated >>> 17) | (rotated << 15)) >>> 0) !== crc32c(bytes)) throw new Error(`wrong checksum in the record at ${at}`);
    }
    events.push(eventOf(data));
    at += length + 16;
  }
  return events;
}

function eventOf(data: Buffer): FoundEvent {
  const { 1: seconds, 2: step, 3: version, 5: summary, 7: session } = fieldsOf(data);
  const values = (summary ? fieldsOf(summary[0] as Buffer)[1] : []).map((value) => {
    const { 1: tag, 2: number } = fieldsOf(value as Buffer);
    return [String(tag[0]), number[0] as number];
  });
  const sessionStart = session !== undefined && fieldsOf(session[0] as Buffer)[1][0] === 1;
  return { seconds: seconds[0] as number, step: step[0] as number, version: version?.[0].toString(), sessionStart, values: Object.fromEntries(values) as Record<string, number> };
}

/** The fields of a message by their numbers. */
function fieldsOf(message: Buffer): Record<number, (number | Buffer)[]> {
  const fields: Record<number, (number | Buffer)[]> = {};
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message[at++];
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const read = {
      0: varint,
      1: () => message.readDoubleLE((at += 8) - 8),
      2: () => {
        const length = varint();
        return message.subarray(at, (at += length));
      },
      5: () => message.readFloatLE((at += 4) - 4),
    }[key & 7];
    if (!read) throw new Error(`unknown wire type in field ${key >> 3}`);
    (fields[key >> 3] ??= []).push(read());
  }
  return fields;
}
