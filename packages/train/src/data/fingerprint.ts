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
  let high = 0x811c_9dc5;
  let low = 0x9e37_79b9;
  for (let piece = 0; piece < pieces; piece++) {
    const spread = Math.floor((piece * (source.length - pieceLength)) / Math.max(1, pieces - 1));
    const start = pieces < maxPieces ? piece * pieceLength : spread;
    const tokens = await readTokens(source, start, Math.min(pieceLength, source.length - start));
    for (const token of tokens) {
      // FNV-1a over whole words in two lanes with different multipliers.
      high = Math.imul(high ^ token, 0x0100_0193);
      low = Math.imul(low ^ token ^ (high >>> 15), 0x85eb_ca6b);
    }
  }
  const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0");
  return `${source.length}-${hex(high)}${hex(low)}`;
}
