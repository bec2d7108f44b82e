import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Tokenization, VocabularyId } from "../../engine/api/tokens.ts";
import { count, words } from "../../state/locale.ts";
import { chosenToken, view } from "../../state/tokens.ts";
import { hexOf, plain } from "../../ui/glyphs.ts";
import { linesOf } from "../../ui/lines.ts";
import { Glyphs, TokenList } from "../../ui/token-list.tsx";
import { firstTokens } from "./shown-tokens.ts";
import { nameOf } from "./vocabulary-choice.tsx";

/** Tokens that are shown at first, and more at a time: a page of a million would not answer any more. */
const portion = 600;

interface TokenRowProps {
  readonly vocabulary: VocabularyId;
  readonly tokenization: Tokenization;
  readonly chosen: number | undefined;
}

/** The tokens of a vocabulary. */
export function TokenRow({ vocabulary, tokenization, chosen }: TokenRowProps) {
  const { tokens } = words.value;
  const limit = useSignal(portion);
  const lines = useMemo(() => linesOf(firstTokens(tokenization, limit.value)), [tokenization, limit.value]);
  const all = tokenization.ids.length;
  const shown = Math.min(limit.value, all);
  return (
    <>
      <TokenList
        name={vocabulary} look={view.value} label={tokens.row(nameOf(vocabulary))} description={tokens.keys}
        lines={lines} chosen={chosen} onChoose={(index) => (chosenToken.value = { vocabulary, index })}
        describe={({ index, id, bytes, glyphs, isSpecial }) => ({
          kind: isSpecial ? "special" : `tint-${index % 6}`,
          label: `${plain(bytes)} ${id}`,
          title: `${id} · ${hexOf(bytes)}`,
          children: view.value === "ids" ? id : view.value === "bytes" ? hexOf(bytes) : <Glyphs glyphs={glyphs} />,
        })}
      />
      {shown < all && (
        <p class="more">
          <span class="soft">{tokens.shown(count(shown), count(all))}</span>
          <button type="button" class="plain-button" onClick={() => (limit.value += portion)}>{tokens.more(count(Math.min(portion, all - shown)))}</button>
        </p>
      )}
    </>
  );
}
