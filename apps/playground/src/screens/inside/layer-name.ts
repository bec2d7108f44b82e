import { count, words } from "../../state/locale.ts";

/** A height of the residual stream: before the first block, or behind one. */
export function layerName(height: number): string {
  const { inside } = words.value;
  return height === 0 ? inside.atInput : inside.block(count(height));
}

/** The same in a head of a column. */
export function shortLayerName(height: number): string {
  return height === 0 ? words.value.inside.input : count(height);
}
