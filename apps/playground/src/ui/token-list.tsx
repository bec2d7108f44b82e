import { Fragment } from "preact";
import type { ComponentChildren } from "preact";
import type { Glyph } from "./glyphs.ts";
import { clamped } from "./keys.ts";
import type { Line } from "./lines.ts";
import "./token-list.css";

interface TokenListProps<T> {
  /** What the elements' ids begin with. */
  readonly name: string;
  readonly look?: string;
  readonly label: string;
  readonly description: string;
  /** Tokens in their order, from number 0 on. */
  readonly lines: readonly Line<T>[];
  readonly chosen: number | undefined;
  readonly onChoose: (index: number) => void;
  /** Enter, on the token that is chosen. */
  readonly onEnter?: () => void;
  readonly describe: (token: T) => TokenLook;
}

/** How a token is drawn. */
export interface TokenLook {
  readonly kind: string;
  readonly style?: Readonly<Record<string, string | number>>;
  readonly label: string;
  readonly title: string;
  readonly children: ComponentChildren;
}

/** Tokens in colour. One is chosen by a click, or by arrow keys, which follow the direction of writing. */
export function TokenList<T extends { readonly index: number }>({
  name, look = "", label, description, lines, chosen, onChoose, onEnter, describe,
}: TokenListProps<T>) {
  const count = lines.reduce((sum, { tokens }) => sum + tokens.length, 0);
  const idOf = (index: number): string => `${name}-${index}`;
  const choose = (index: number): void => {
    onChoose(clamped(index, count));
    document.getElementById(idOf(index))?.scrollIntoView({ block: "nearest" });
  };
  return (
    <div
      id={`${name}-tokens`} class={`token-row ${look}`} role="listbox" tabIndex={0} aria-label={label} aria-description={description}
      aria-activedescendant={chosen === undefined ? undefined : idOf(chosen)}
      onClick={({ target }) => {
        const index = (target as Element).closest<HTMLElement>("[data-index]")?.dataset.index;
        if (index !== undefined) choose(Number(index));
      }}
      onKeyDown={(event) => {
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        if (event.key === "Enter" && chosen !== undefined && onEnter) {
          // Else the same key would press what gets the focus.
          event.preventDefault();
          onEnter();
          return;
        }
        const line = lines.find(({ tokens }) => tokens.at(-1)!.index >= (chosen ?? 0));
        const next = moved(event.key, chosen ?? 0, line?.direction === "rtl", count, idOf);
        if (next === undefined) return;
        event.preventDefault();
        choose(next);
      }}
    >
      {lines.map(({ direction, tokens }) => (
        <div key={tokens[0].index} role="none" dir={direction}>
          {tokens.map((token) => {
            const { kind, style, label, title, children } = describe(token);
            return (
              <Fragment key={token.index}>
                <span
                  id={idOf(token.index)} class={`token ${kind}`} style={style} role="option" aria-selected={token.index === chosen}
                  aria-label={label} data-index={token.index} title={title}
                >
                  {children}
                </span>
                <wbr />
              </Fragment>
            );
          })}
        </div>
      ))}
    </div>
  );
}

/** What a token's bytes look like. */
export function Glyphs({ glyphs }: { readonly glyphs: readonly Glyph[] }) {
  return <>{glyphs.map(({ kind, shown }, i) => (kind === "text" ? shown : <span key={i} class={kind}>{shown}</span>))}</>;
}

/** Where a key leads from a token, if it leads anywhere. */
function moved(key: string, from: number, isRightToLeft: boolean, count: number, idOf: (index: number) => string): number | undefined {
  const forward = isRightToLeft ? -1 : 1;
  switch (key) {
    case "ArrowRight": return clamped(from + forward, count);
    case "ArrowLeft": return clamped(from - forward, count);
    case "ArrowDown": return lineAway(from, 1, count, idOf);
    case "ArrowUp": return lineAway(from, -1, count, idOf);
    case "Home": return 0;
    case "End": return count - 1;
    default: return undefined;
  }
}

/** The token over or under another: of those of the next line, as it is laid out, the one nearest. */
function lineAway(from: number, step: 1 | -1, count: number, idOf: (index: number) => string): number {
  const boxOf = (index: number): DOMRect | undefined => document.getElementById(idOf(index))?.getBoundingClientRect();
  const start = boxOf(from);
  let best = from;
  let distance = Infinity;
  let line: number | undefined;
  for (let index = from + step; start && index >= 0 && index < count; index += step) {
    const box = boxOf(index);
    if (!box || Math.abs(box.top - start.top) < box.height / 2) continue;
    line ??= box.top;
    if (Math.abs(box.top - line) > box.height / 2) break;
    const away = Math.abs((box.left + box.right - start.left - start.right) / 2);
    if (away < distance) [best, distance] = [index, away];
  }
  return best;
}
