import { MergeTable } from "../bpe/merge-table.ts";
import { Merger } from "../bpe/merger.ts";
import { TokenBytes } from "../bpe/token-bytes.ts";
import { maxMerges, maxVocabSize } from "../bpe/vocabulary.ts";
import { TokenizerError } from "../errors.ts";
import { quote, showName } from "../messages.ts";
import { AddedVocabulary } from "./added-vocabulary.ts";
import { unspellBytes } from "./byte-alphabet.ts";
import type { JsonValue } from "./json.ts";

/** The tokens of a BPE model by their names in its file, which spell bytes in GPT-2's alphabet. */
export class ModelTokens {
  readonly ids = new Map<string, number>();
  /** Tokens on top of these. */
  readonly added: AddedVocabulary;
  readonly #vocab: JsonValue;
  readonly #names = new Map<number, string>();
  readonly #file: string;
  /** Tokens that merges are about. */
  readonly #merged = new Set<number>();
  #bytes: TokenBytes | undefined;

  /** Reads `vocab`: an object from name to id. */
  constructor(vocab: JsonValue, file: string) {
    this.#vocab = vocab;
    this.#file = file;
    // Unigram has a list of tokens and scores.
    if (Array.isArray(vocab.value)) throw vocab.unsupported("is a list");
    const names = this.#names;
    for (const [name, value] of vocab.entries()) {
      const id = value.index(maxVocabSize);
      const sameId = names.get(id);
      if (sameId !== undefined) throw value.invalid(`is ${id}, which is the id of ${quote(sameId)} too`);
      names.set(id, name);
      this.ids.set(name, id);
    }
    this.added = new AddedVocabulary(this.ids, names);
  }

  /** Whether an id is that of a token. */
  hasId(id: number): boolean {
    return this.#names.has(id) || this.added.hasId(id);
  }

  /**
   * The bytes of the tokens that text is made of. Added tokens which merges do not know, and which text can therefore not
   * be made of, have none here; what spells no bytes must be such a token. To be called when the merges are read.
   */
  bytes(): TokenBytes {
    return (this.#bytes ??= this.#readBytes());
  }

  #readBytes(): TokenBytes {
    const bytes: (Uint8Array | undefined)[] = [];
    for (const [name, value] of this.#vocab.entries()) {
      const id = value.value as number;
      const added = this.added.get(name);
      const spelled = name === "" ? undefined : unspellBytes(name);
      if (spelled && (!added || spelled.length === 1 || this.#merged.has(id))) bytes[id] = spelled;
      else if (!added) {
        throw value.unsupported("is the id of a token that is not spelled in the byte-level alphabet");
      }
    }
    // Without holes, which `TokenBytes` does not expect.
    return TokenBytes.from(Array.from(bytes));
  }

  get hasAllBytes(): boolean {
    return !this.bytes().idsOfBytes().includes(-1);
  }

  /**
   * The merges of pairs of names, the earliest first; of those that are there twice, the last counts. `where` says
   * which one is wrong.
   */
  merges(pairs: Iterable<readonly [left: string, right: string]>, where: (index: number) => string): MergeTable {
    const found = new MergeTable();
    /** The last place of each. */
    const places: number[] = [];
    let index = 0;
    for (const [left, right] of pairs) {
      const [leftId, rightId, result] = [left, right, left + right].map((name) => {
        const id = this.ids.get(name);
        if (id !== undefined) {
          this.#merged.add(id);
          return id;
        }
        throw this.#invalid(`${where(index)} refers to ${quote(name)}, which is not in the vocabulary`);
      });
      if (index === maxMerges) throw this.#invalid(`${where(index)} is one too many; there may be ${maxMerges}`);
      const known = found.find(leftId, rightId);
      if (known < 0) found.add(leftId, rightId, result);
      places[known < 0 ? found.size - 1 : known] = index++;
    }
    return found.size === index ? found : inOrder(found, places);
  }

  /** Tokens that merging their own bytes does not give. Added tokens stay out: they are found before text is split. */
  unmergeable(merges: MergeTable): number[] {
    const merger = new Merger(merges);
    const tokens = this.bytes();
    const byteIds = tokens.idsOfBytes();
    return Array.from(this.ids)
      .filter(([name, id]) => {
        if (!tokens.has(id) || this.added.get(name)) return false;
        const ids = Int32Array.from(tokens.get(id), (byte) => byteIds[byte]);
        return merger.merge(ids, ids.length) > 1;
      })
      .map(([, id]) => id);
  }

  #invalid(problem: string): TokenizerError {
    return new TokenizerError("invalid-file", `${showName(this.#file)}: ${problem}`);
  }
}

/** The same merges in the order of their places. */
function inOrder(merges: MergeTable, places: readonly number[]): MergeTable {
  const sorted = new MergeTable(merges.size);
  for (const merge of places.map((_, index) => index).sort((a, b) => places[a] - places[b])) {
    sorted.add(merges.left(merge), merges.right(merge), merges.result(merge));
  }
  return sorted;
}
