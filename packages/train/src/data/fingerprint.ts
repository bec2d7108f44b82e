import { readTokens } from "./token-source.ts";
import type { TokenSource } from "./token-source.ts";

const pieceLength = 2 ** 16;
const maxPieces = 256;

/**
 * A short text that tells data from other data: the number of tokens and a hash of them, of all where they are up to
 * 16 million, else of 256 pieces spread evenly. It guards against mistakes, not against an adversary.
 */
export async function fingerprint(source: TokenSource): Promise<string> {
  const pieces = Math.min(maxPieces, Math.ceil(source.length / pieceLength));
  const hash = new Hash();
  for (let piece = 0; piece < pieces; piece++) {
    const spread = Math.floor((piece * (source.length - pieceLength)) / Math.max(1, pieces - 1));
    const start = pieces < maxPieces ? piece * pieceLength : spread;
    hash.add(await readTokens(source, start, Math.min(pieceLength, source.length - start)));
  }
  return `${source.length}-${hash.text}`;
}

/** The same of examples, each of some lists of numbers: how many there are, and a hash of all lengths and numbers. */
export function fingerprintOfExamples(examples: readonly (readonly ArrayLike<number>[])[]): string {
  const hash = new Hash();
  for (const lists of examples) {
    hash.add(lists.map(({ length }) => length));
    for (const list of lists) hash.add(list);
  }
  return `${examples.length}-${hash.text}`;
}

/** FNV-1a over whole words in two lanes with different multipliers. */
class Hash {
  #high = 0x811c_9dc5;
  #low = 0x9e37_79b9;

  add(words: ArrayLike<number>): void {
    for (let i = 0; i < words.length; i++) {
      const word = words[i];
      this.#high = Math.imul(this.#high ^ word, 0x0100_0193);
      this.#low = Math.imul(this.#low ^ word ^ (this.#high >>> 15), 0x85eb_ca6b);
    }
  }

  get text(): string {
    return [this.#high, this.#low].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
