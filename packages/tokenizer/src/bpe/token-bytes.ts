/** The bytes of the tokens of a vocabulary, by id. */
export class TokenBytes {
  /** Ids are below this; some may have no token. */
  readonly size: number;
  readonly #bytes: Uint8Array;
  /** Where each token begins in `#bytes`, and where the last ends. Ids without a token have no bytes. */
  readonly #starts: Int32Array;

  private constructor(bytes: Uint8Array, starts: Int32Array) {
    this.#bytes = bytes;
    this.#starts = starts;
    this.size = starts.length - 1;
  }

  /** From the tokens by id; undefined for ids that have none. Tokens are not empty. */
  static from(tokens: readonly (Uint8Array | undefined)[]): TokenBytes {
    const starts = new Int32Array(tokens.length + 1);
    for (let id = 0; id < tokens.length; id++) starts[id + 1] = starts[id] + (tokens[id]?.length ?? 0);
    const bytes = new Uint8Array(starts[tokens.length]);
    for (const [id, token] of tokens.entries()) if (token) bytes.set(token, starts[id]);
    return new TokenBytes(bytes, starts);
  }

  has(id: number): boolean {
    return Number.isInteger(id) && id >= 0 && id < this.size && this.#starts[id + 1] > this.#starts[id];
  }

  /** The bytes of a token that there is; they must not be changed. */
  get(id: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[id], this.#starts[id + 1]);
  }

  /** The token of each single byte, -1 where there is none. */
  idsOfBytes(): Int32Array {
    const ids = new Int32Array(256).fill(-1);
    for (let id = 0; id < this.size; id++) {
      if (this.#starts[id + 1] - this.#starts[id] === 1) ids[this.#bytes[this.#starts[id]]] = id;
    }
    return ids;
  }
}
