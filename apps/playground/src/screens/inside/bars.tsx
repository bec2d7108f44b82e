import type { ComponentChildren } from "preact";
import "./bars.css";

export interface Bar {
  readonly name: ComponentChildren;
  /** From 0 to 1, or from -1 where values have a sign. */
  readonly size: number;
  readonly value: string;
  readonly isMarked?: boolean;
}

/** Names, bars and numbers in rows. */
export function Bars({ bars, label, isSigned = false }: { readonly bars: readonly Bar[]; readonly label: string; readonly isSigned?: boolean }) {
  return (
    <ol class={isSigned ? "bar-list signed" : "bar-list"} aria-label={label}>
      {bars.map(({ name, size, value, isMarked }, i) => (
        <li key={i} class={isMarked ? "marked" : undefined}>
          <span class="bar-name">{name}</span>
          <span class="bar-room" aria-hidden="true"><i class={size < 0 ? "minus" : "plus"} style={{ inlineSize: `${100 * Math.min(1, Math.abs(size))}%` }} /></span>
          <span class="bar-value">{value}</span>
        </li>
      ))}
    </ol>
  );
}
