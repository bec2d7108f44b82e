import { useMemo } from "preact/hooks";
import { followed, longestText, setText, text } from "../../state/inside.ts";
import { count as format, words } from "../../state/locale.ts";
import { glyphsOf, plain } from "../../ui/glyphs.ts";
import { linesOf } from "../../ui/lines.ts";
import { Glyphs, TokenList } from "../../ui/token-list.tsx";
import type { Seen } from "./seen.ts";

interface ComposerProps {
  readonly seen: Seen | undefined;
  /** Tokens of the whole text. */
  readonly count: number;
  readonly token: number | undefined;
}

/** The text, and its tokens, of which one is followed. */
export function Composer({ seen, count, token }: ComposerProps) {
  const { inside } = words.value;
  const lines = useMemo(() => linesOf(seen?.parts.map((part, index) => ({ ...part, index, glyphs: glyphsOf(part.bytes) })) ?? []), [seen]);
  return (
    <section class="card composer" aria-label={inside.prompt}>
      <textarea
        class="prompt" rows={1} dir="auto" spellcheck={false} maxLength={longestText} aria-label={inside.prompt} value={text.value}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <TokenList
        name="inside" label={inside.row} description={inside.keys} lines={lines} chosen={token} onChoose={(index) => (followed.value = index)}
        describe={({ index, bytes, glyphs }) => ({ kind: `tint-${index % 6}`, label: plain(bytes), title: inside.follow, children: <Glyphs glyphs={glyphs} /> })}
      />
      <p class="soft small">
        {seen && count > seen.count ? inside.bounded(format(seen.count), format(count)) : inside.follow}
      </p>
    </section>
  );
}
