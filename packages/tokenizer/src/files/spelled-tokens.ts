import { MergeTable } from "../bpe/merge-table.ts";
import { Merger } from "../bpe/merger.ts";
import { idsOfBytes } from "../bpe/ranks.ts";
import { TokenBytes } from "../bpe/token-bytes.ts";
import { maxMerges, maxVocabSize } from "../bpe/vocabulary.ts";
import { TokenizerError } from "../errors.ts";
import { unspellBytes } from "./byte-alphabet.ts";
import { quote } from "./json.ts";
import type { JsonValue } from "./json.ts";

/** Tokens by their spelling in GPT-2's alphabet, and what can be made of them. */
export class SpelledTokens {
  readonly ids = new Map<string, number>();
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #file: string;

  /** Reads `vocab`: an object from spelling to id. Entries whose names are in `others` stay out. */
  constructor(vocab: JsonValue, others: ReadonlyMap<string, number>, file: string) {
    this.#file = file;
    const names = new Map<number, string>();
    const bytes = new Map<number, Uint8Array>();
    let size = 0;
    for (const [name, value] of vocab.entries()) {
      const id = value.index(maxVocabSize);
      const other = others.get(name);
      if (other !== undefined) {
        if (other !== id) throw value.invalid(`is ${id}, but ${other} among the added tokens`);
        continue;
      }
      const sameId = names.get(id);
      if (sameId !== undefined) throw value.invalid(`is ${id}, which is the id of ${quote(sameId)} too`);
      names.set(id, name);
      const spelled = name === "" ? undefined : unspellBytes(name);
      if (!spelled) throw value.unsupported("is the id of a token that is not spelled in the byte-level alphabet");
      this.ids.set(name, id);
      bytes.set(id, spelled);
      size = Math.max(size, id + 1);
    }
    for (const [token, id] of others) {
      const name = names.get(id);
      if (name !== undefined) {
        throw vocab.invalid(`gives the id ${id} to ${quote(name)}, but the added token ${quote(token)} has it`);
      }
    }
    this.#bytes = Array.from({ length: size }, (_, id) => bytes.get(id));
    const missing = idsOfBytes(this.#bytes).indexOf(-1);
    if (missing >= 0) throw vocab.unsupported(`lacks a token for the byte 0x${missing.toString(16).padStart(2, "0")}`);
  }

  get tokens(): TokenBytes {
    return TokenBytes.from(this.#bytes);
  }

  /** The merges of pairs of spellings, the earliest first; `where` says which one is wrong. */
  merges(pairs: Iterable<readonly [left: string, right: string]>, where: (index: number) => string): MergeTable {
    const merges = new MergeTable();
    let index = 0;
    for (const [left, right] of pairs) {
      const [leftId, rightId, result] = [left, right, left + right].map((name) => {
        const id = this.ids.get(name);
        if (id !== undefined) return id;
        throw this.#invalid(`${where(index)} refers to ${quote(name)}, which is not in the vocabulary`);
      });
      if (index === maxMerges) throw this.#invalid(`${where(index)} is one too many; there may be ${maxMerges}`);
      if (merges.find(leftId, rightId) >= 0) throw this.#invalid(`${where(index)} is there twice`);
      merges.add(leftId, rightId, result);
      index++;
    }
    return merges;
  }

  /** Tokens that merging their own bytes does not give. */
  unmergeable(merges: MergeTable): number[] {
    const merger = new Merger(merges);
    const byteIds = idsOfBytes(this.#bytes);
    return [...this.ids.values()].filter((id) => {
      const ids = Int32Array.from(this.#bytes[id]!, (byte) => byteIds[byte]);
      return merger.merge(ids, ids.length) > 1;
    });
  }

  #invalid(problem: string): TokenizerError {
    return new TokenizerError("invalid-file", `${this.#file}: ${problem}`);
  }
}
