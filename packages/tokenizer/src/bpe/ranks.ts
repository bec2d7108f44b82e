import { MergeTable } from "./merge-table.ts";
import { Merger } from "./merger.ts";

/** What `mergesOfRanks` finds. */
export interface RankedMerges {
  readonly merges: MergeTable;
  /** Tokens that merging never makes: they stand only for a pre-token that equals them. */
  readonly unmergeable: number[];
}

/**
 * The merges of a vocabulary in which the rank (the id) of a token is all that is known, as in `.tiktoken` files.
 * There two adjacent tokens merge wherever their bytes together are a token, the one with the lowest rank first.
 *
 * One pair a token suffices. What happens within a stretch of text up to the moment when it becomes the token T depends
 * on the stretch alone, and all of it has lower ranks than T; so T is always made of the two tokens that its own bytes
 * have become by all merges of lower rank.
 *
 * `tokens`: the bytes by id; the 256 single bytes must be among them.
 */
export function mergesOfRanks(tokens: readonly (Uint8Array | undefined)[]): RankedMerges {
  const merges = new MergeTable(tokens.length);
  const merger = new Merger(merges);
  const byteIds = idsOfBytes(tokens);
  const unmergeable: number[] = [];
  let ids = new Int32Array(1024);
  for (const [id, bytes] of tokens.entries()) {
    if (!bytes || bytes.length < 2) continue;
    if (bytes.length > ids.length) ids = new Int32Array(bytes.length);
    for (let i = 0; i < bytes.length; i++) ids[i] = byteIds[bytes[i]];
    if (merger.merge(ids, bytes.length) === 2) merges.add(ids[0], ids[1], id);
    else unmergeable.push(id);
  }
  return { merges, unmergeable };
}

/** The token of each byte, -1 where there is none. */
export function idsOfBytes(tokens: readonly (Uint8Array | undefined)[]): Int32Array {
  const ids = new Int32Array(256).fill(-1);
  for (const [id, bytes] of tokens.entries()) if (bytes?.length === 1) ids[bytes[0]] = id;
  return ids;
}
