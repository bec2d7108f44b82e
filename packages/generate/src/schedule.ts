/** What a plan has to know of a sequence. */
interface Unread {
  /** Tokens that the model has to read until the next one can be chosen: 1 where it is written, more where a prompt is read. */
  readonly unread: number;
}

/** How many of a sequence's tokens the model reads in a step. */
export interface Reading<Sequence> {
  readonly sequence: Sequence;
  readonly count: number;
}

/**
 * Which tokens a step reads, `stepTokens` of them at most: first those of sequences that are written, so that no prompt makes
 * them wait, then prompts, the oldest first, as much of them as there is room for. Sequences stay in their order.
 */
export function planStep<Sequence extends Unread>(sequences: readonly Sequence[], stepTokens: number): Reading<Sequence>[] {
  let rest = stepTokens - sequences.filter(({ unread }) => unread === 1).length;
  return sequences.flatMap((sequence) => {
    const count = sequence.unread === 1 ? 1 : Math.min(sequence.unread, Math.max(rest, 0));
    if (sequence.unread > 1) rest -= count;
    return count > 0 ? [{ sequence, count }] : [];
  });
}
