import type { CharSet } from "./char-set.ts";

/** A regular expression, read. */
export type RegexNode =
  | { readonly kind: "set"; readonly set: CharSet }
  | { readonly kind: "sequence"; readonly items: readonly RegexNode[] }
  | { readonly kind: "choice"; readonly options: readonly RegexNode[] }
  | RepeatNode
  /** What matched inside is not tried otherwise. */
  | { readonly kind: "atomic"; readonly body: RegexNode }
  | LookNode;

export interface RepeatNode {
  readonly kind: "repeat";
  readonly body: RegexNode;
  readonly min: number;
  readonly max: number;
  readonly lazy: boolean;
}

/** What must stand, or not stand, before or behind. */
export interface LookNode {
  readonly kind: "look";
  readonly behind: boolean;
  readonly negative: boolean;
  readonly body: RegexNode;
}

