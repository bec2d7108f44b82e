import { concatenate } from "../bpe/bytes.ts";
import { MergeTable } from "../bpe/merge-table.ts";
import { TokenBytes } from "../bpe/token-bytes.ts";

/** The vocabulary of an encoding, as compact as text can be and still be read fast. */
export interface RankTable {
  /** The bytes that the tokens 0 to 255 are, in hexadecimal. */
  readonly bytes: string;
  /** For each token from 256 on the two tokens that merge into it; blank where there is no such token. */
  readonly pairs: string;
}

/** Digits of an id in a rank table; base 64 with the characters from "0" on, without the backslash. */
export const idDigits = 3;
const firstDigit = 0x30;
const backslash = 0x5c;

/** An id as a rank table writes it. */
export function idText(id: number): string {
  return [id >> 12, (id >> 6) & 63, id & 63]
    .map((digit) => String.fromCharCode(firstDigit + digit + (firstDigit + digit >= backslash ? 1 : 0)))
    .join("");
}

function idAt(text: string, at: number): number {
  let id = 0;
  for (let i = at; i < at + idDigits; i++) {
    const unit = text.charCodeAt(i);
    id = id * 64 + unit - firstDigit - (unit > backslash ? 1 : 0);
  }
  return id;
}

/** The tokens and merges of a rank table; a token's id is the rank of its merge. */
export function readRankTable({ bytes, pairs }: RankTable): { tokens: TokenBytes; merges: MergeTable } {
  const size = 256 + pairs.length / (2 * idDigits);
  const tokens: (Uint8Array | undefined)[] = Array.from({ length: size });
  const merges = new MergeTable(size);
  for (let id = 0; id < 256; id++) tokens[id] = Uint8Array.of(parseInt(bytes.slice(2 * id, 2 * id + 2), 16));
  for (let id = 256, at = 0; id < size; id++, at += 2 * idDigits) {
    if (pairs[at] === " ") continue;
    const left = idAt(pairs, at);
    const right = idAt(pairs, at + idDigits);
    merges.add(left, right, id);
    tokens[id] = concatenate(tokens[left]!, tokens[right]!);
  }
  return { tokens: TokenBytes.from(tokens), merges };
}
