import { useMemo } from "preact/hooks";
import { percent, words } from "../../state/locale.ts";
import { chosen } from "../../state/write.ts";
import type { Branch, TextToken } from "../../state/write.ts";
import { plain } from "../../ui/glyphs.ts";
import { linesOf } from "../../ui/lines.ts";
import { Glyphs, TokenList } from "../../ui/token-list.tsx";
import { focusCandidates, textName } from "./focus.ts";
import { readableGlyphs } from "../../ui/readable.ts";

/** The text: the less likely a token was, the more colour it has. */
export function WrittenText({ branch: { tokens } }: { readonly branch: Branch }) {
  const { write } = words.value;
  const lines = useMemo(() => linesOf(tokens.map((token, index) => ({ ...token, index, glyphs: readableGlyphs(token.bytes) }))), [tokens]);
  return (
    <>
      <TokenList
        name={textName} look="written" label={write.text} description={write.keys} lines={lines}
        chosen={chosen.value} onChoose={(index) => (chosen.value = index)} onEnter={focusCandidates}
        describe={(token) => {
          const likely = token.probability === undefined ? write.yours : percent(token.probability);
          return {
            kind: token.probability === undefined ? "given" : "",
            style: { "--doubt": doubt(token) },
            label: `${plain(token.bytes)} ${likely}`,
            title: likely,
            children: <Glyphs glyphs={token.glyphs} />,
          };
        }}
      />
      <p class="scale soft" aria-hidden="true">
        <span>{percent(1)}</span><i /><span>{percent(0.001)}</span>
        <span class="given">{write.yours}</span>
      </p>
    </>
  );
}

/** From 0, for what was certain, to 1, for one in a thousand. */
function doubt({ probability = 1 }: TextToken): number {
  return Math.min(1, Math.log10(1 / probability) / 3);
}
