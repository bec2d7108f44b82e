import type { Explanation, TokenPart } from "../../engine/api/tokens.ts";

/** A symbol, or what a merge makes: where it stands in the picture. */
export interface TreeNode extends TokenPart {
  /** The first column and the one behind the last: one for each symbol. */
  readonly start: number;
  readonly end: number;
  /** Rows from the symbols down. */
  readonly level: number;
}

export interface MergeNode extends TreeNode {
  readonly rank: number;
  readonly left: TreeNode;
  readonly right: TreeNode;
}

export interface MergeTree {
  readonly symbols: readonly TreeNode[];
  readonly merges: readonly MergeNode[];
}

/** What merges join, as a picture: each node under the two that it is made of. */
export function mergeTree({ symbols, merges }: Explanation): MergeTree {
  const leaves = symbols.map((part, at): TreeNode => ({ ...part, start: at, end: at + 1, level: 0 }));
  /** What there is at the moment, by where it begins. */
  const current = new Map(leaves.map((node) => [node.start, node]));
  const nodes = merges.map(({ at, ...part }): MergeNode => {
    const left = current.get(at)!;
    const right = current.get(left.end)!;
    const node = { ...part, start: at, end: right.end, level: 1 + Math.max(left.level, right.level), left, right };
    current.delete(left.end);
    current.set(at, node);
    return node;
  });
  return { symbols: leaves, merges: nodes };
}
