import { useSignal } from "@preact/signals";
import { Fragment } from "preact";
import { useMemo } from "preact/hooks";
import type { Tokenization, VocabularyId } from "../../engine/api.ts";
import { count, words } from "../../state/locale.ts";
import { chosenToken, view } from "../../state/tokens.ts";
import type { views } from "../../state/tokens.ts";
import { hexOf, plain } from "./glyphs.ts";
import { linesOf } from "./lines.ts";
import type { ShownToken } from "./lines.ts";
import { nameOf } from "./vocabulary-choice.tsx";
import "./token-row.css";

/** Tokens that are shown at first, and more at a time: a page of a million would not answer any more. */
const portion = 600;

interface TokenRowProps {
  readonly vocabulary: VocabularyId;
  readonly tokenization: Tokenization;
  readonly chosen: number | undefined;
}

/** The tokens in colour. One is chosen by a click, or by arrow keys, which follow the direction of writing. */
export function TokenRow({ vocabulary, tokenization, chosen }: TokenRowProps) {
  const { tokens } = words.value;
  const limit = useSignal(portion);
  const lines = useMemo(() => linesOf(tokenization, limit.value), [tokenization, limit.value]);
  const all = tokenization.ids.length;
  const shown = Math.min(limit.value, all);
  const idOf = (index: number): string => `${vocabulary}-${index}`;
  const choose = (index: number): void => {
    chosenToken.value = { vocabulary, index: Math.min(Math.max(index, 0), shown - 1) };
    document.getElementById(idOf(index))?.scrollIntoView({ block: "nearest" });
  };
  return (
    <>
      <div
        class={`token-row ${view.value}`} role="listbox" tabIndex={0} aria-label={tokens.row(nameOf(vocabulary))} aria-description={tokens.keys}
        aria-activedescendant={chosen === undefined ? undefined : idOf(chosen)}
        onClick={({ target }) => {
          const index = (target as Element).closest<HTMLElement>("[data-index]")?.dataset.index;
          if (index !== undefined) choose(Number(index));
        }}
        onKeyDown={(event) => {
          const line = lines.find(({ tokens }) => tokens.at(-1)!.index >= (chosen ?? 0));
          const next = moved(event.key, chosen ?? 0, line?.direction === "rtl", shown, idOf);
          if (next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
          event.preventDefault();
          choose(next);
        }}
      >
        {lines.map(({ direction, tokens }) => (
          <div key={tokens[0].index} role="none" dir={direction}>
            {tokens.map((token) => (
              <Fragment key={token.index}>
                <Token id={idOf(token.index)} token={token} isChosen={token.index === chosen} view={view.value} />
                <wbr />
              </Fragment>
            ))}
          </div>
        ))}
      </div>
      {shown < all && (
        <p class="more">
          <span class="soft">{tokens.shown(count(shown), count(all))}</span>
          <button type="button" class="plain-button" onClick={() => (limit.value += portion)}>{tokens.more(count(Math.min(portion, all - shown)))}</button>
        </p>
      )}
    </>
  );
}

interface TokenProps {
  readonly id: string;
  readonly token: ShownToken;
  readonly isChosen: boolean;
  readonly view: (typeof views)[number];
}

function Token({ id, token, isChosen, view }: TokenProps) {
  const kind = token.isSpecial ? "special" : `tint-${token.index % 6}`;
  return (
    <span
      id={id} class={`token ${kind}`} role="option" aria-selected={isChosen} aria-label={`${plain(token.bytes)} ${token.id}`}
      data-index={token.index} title={`${token.id} · ${hexOf(token.bytes)}`}
    >
      {view === "ids" ? token.id : view === "bytes" ? hexOf(token.bytes) : <Glyphs token={token} />}
    </span>
  );
}

/** What a token's bytes look like. */
export function Glyphs({ token: { glyphs } }: { readonly token: Pick<ShownToken, "glyphs"> }) {
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

function clamped(index: number, count: number): number {
  return Math.min(Math.max(index, 0), count - 1);
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
