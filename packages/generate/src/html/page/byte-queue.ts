/** Bytes that come in parts, and are taken in the same order by others. */
export class ByteQueue {
  readonly #parts: Uint8Array[] = [];
  /** What of the first part was taken. */
  #taken = 0;
  #wake: () => void = () => undefined;

  push(part: Uint8Array): void {
    this.#parts.push(part);
    this.#wake();
  }

  /** The next bytes, once they are all there. */
  async take(byteLength: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(byteLength);
    for (let filled = 0; filled < byteLength; ) {
      if (this.#parts.length === 0) await new Promise<void>((wake) => (this.#wake = wake));
      const [part] = this.#parts;
      const piece = part.subarray(this.#taken, this.#taken + byteLength - filled);
      bytes.set(piece, filled);
      filled += piece.length;
      this.#taken += piece.length;
      if (this.#taken < part.length) continue;
      this.#parts.shift();
      this.#taken = 0;
    }
    return bytes;
  }
}
