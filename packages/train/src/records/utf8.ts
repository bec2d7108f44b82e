/** Splits a stream of bytes into text; a sequence that is cut off at the end of a chunk waits for the next one. */
export class Utf8Decoder {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #pending = new Uint8Array();
  /** Bytes decoded so far. */
  #position = 0;

  /** The text of the next bytes. Throws `InvalidUtf8`. A byte order mark at the very beginning is no text. */
  decode(chunk: Uint8Array, last = false): string {
    const bytes = new Uint8Array(this.#pending.length + chunk.length);
    bytes.set(this.#pending);
    bytes.set(chunk, this.#pending.length);
    const end = last ? bytes.length : bytes.length - unfinishedLength(bytes);
    let text: string;
    try {
      text = this.#decoder.decode(bytes.subarray(0, end));
    } catch {
      const offset = firstInvalid(bytes);
      throw new InvalidUtf8(this.#position + offset, bytes[offset]);
    }
    const begins = this.#position === 0 && end > 0;
    this.#position += end;
    this.#pending = bytes.slice(end);
    return begins && text.startsWith("\uFEFF") ? text.slice(1) : text;
  }
}

/** Bytes that are no UTF-8. */
export class InvalidUtf8 extends Error {
  /** Where the first wrong sequence begins. */
  readonly offset: number;
  readonly byte: string;

  constructor(offset: number, byte: number) {
    const name = `the byte 0x${byte.toString(16).padStart(2, "0")}`;
    super(`${name} at offset ${offset} is not valid UTF-8`);
    this.offset = offset;
    this.byte = name;
  }
}

/** Bytes of the sequence that a lead byte begins, 0 for a byte that begins none. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

/** Bytes at the end that begin a sequence which is not complete: 0 to 3. */
function unfinishedLength(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) !== 0x80) return sequenceLength(byte) > back ? back : 0;
  }
  return 0;
}

/** Where the first sequence begins that is not well-formed (Unicode 16, table 3-7). */
function firstInvalid(bytes: Uint8Array): number {
  let i = 0;
  while (i < bytes.length) {
    const lead = bytes[i];
    const length = sequenceLength(lead);
    if (length === 0) break;
    // The second byte's range is narrower after these leads: no overlong forms, surrogates, or values above U+10FFFF.
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    if (length > 1 && !(bytes[i + 1] >= low && bytes[i + 1] <= high)) break;
    let valid = true;
    for (let k = 2; k < length; k++) valid &&= (bytes[i + k] & 0xc0) === 0x80;
    if (!valid) break;
    i += length;
  }
  return i;
}
