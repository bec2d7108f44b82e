import { argumentError, checkList } from "../arguments.ts";
import { attentionTable, pageRows } from "../attention-sequences.ts";
import type { AttentionBatchView, AttentionSequence, Backend } from "../contract/index.ts";
import { tensor } from "./create.ts";
import type { Tensor } from "./tensor.ts";

/** The tokens of one sequence in a batch. */
export interface SequenceTokens {
  /** How many there are: rows behind those of the sequence before. */
  readonly queryCount: number;
  /** How many keys the sequence has, those of these tokens last. Default: those of these tokens alone. */
  readonly keyCount?: number;
  /** Where they lie in a cache: its pages, in the order of the keys, of 48 rows each. Default: they are not in a cache. */
  readonly pages?: readonly number[];
}

/**
 * Sequences of any lengths, whose tokens lie one behind the other in the rows of a batch. Made once for all layers. Its table
 * is a tensor, which belongs to the running scope, or is freed by `dispose`.
 */
export class AttentionBatch implements AttentionBatchView {
  readonly sequences: readonly AttentionSequence[];
  readonly table: Tensor<"i32">;
  /** Rows of all sequences. */
  readonly tokens: number;
  /** How many rows a cache must have for each head; 0 where no sequence has pages. */
  readonly cacheRows: number;

  /** Throws `invalid-argument` for counts that are no whole numbers, and pages that do not hold the keys. */
  constructor(sequences: readonly SequenceTokens[], options: { readonly backend?: Backend } = {}) {
    checkList("AttentionBatch", "sequences", sequences);
    let tokens = 0;
    let pageCount = 0;
    this.sequences = sequences.map((sequence, index): AttentionSequence => {
      const { queryCount, keyCount = queryCount, pages } = sequence;
      const isWhole = Number.isInteger(queryCount) && Number.isInteger(keyCount);
      const hasRoom = pages ? keyCount <= pages.length * pageRows : keyCount === queryCount;
      const hasPages = pages?.every((page) => Number.isInteger(page) && page >= 0) ?? true;
      if (!isWhole || queryCount < 0 || queryCount > keyCount || !hasRoom || !hasPages) {
        throw argumentError(
          "AttentionBatch",
          `sequence ${index}, ${JSON.stringify(sequence)}, must have whole numbers queryCount ≤ keyCount, and pages of ` +
            `${pageRows} rows for all keys where there are more of them than queries`,
        );
      }
      const queryStart = tokens;
      tokens += queryCount;
      for (const page of pages ?? []) pageCount = Math.max(pageCount, page + 1);
      return { queryStart, queryCount, keyCount, pages: pages ?? null };
    });
    this.tokens = tokens;
    this.cacheRows = pageCount * pageRows;
    this.table = tensor(attentionTable(this.sequences), options);
  }

  /** Frees its table. */
  dispose(): void {
    this.table.dispose();
  }
}
