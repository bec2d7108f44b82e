import type { Tokenization, TokenizeOptions, VocabularyId } from "../../engine/api/tokens.ts";
import { engine } from "../../state/engine.ts";
import { count, words } from "../../state/locale.ts";
import { text } from "../../state/tokens.ts";
import { FailureNote } from "../../ui/failure-note.tsx";
import { useLatest } from "../../ui/use-latest.ts";
import { hexOf } from "../../ui/glyphs.ts";
import { tokenAt } from "./shown-tokens.ts";
import { mergeTree } from "./merge-tree.ts";
import { MergePlayer } from "./merge-player.tsx";
import { Glyphs } from "../../ui/token-list.tsx";
import "./token-inspector.css";

interface TokenInspectorProps {
  readonly vocabulary: VocabularyId;
  readonly tokenization: Tokenization;
  readonly index: number;
  readonly options: TokenizeOptions;
}

/** One token: its number, its bytes, and the merges that made it. */
export function TokenInspector({ vocabulary, tokenization, index, options }: TokenInspectorProps) {
  const { tokens } = words.value;
  const token = tokenAt(tokenization, index);
  const answer = useLatest(async () => {
    const explanation = await engine.ask("explain", vocabulary, text.value, index, options);
    return { of: tokenization, index, explanation, tree: explanation && mergeTree(explanation) };
  }, [tokenization, index]);
  const isPartial = token.glyphs.some(({ kind }) => kind === "byte");
  return (
    <div class="inspector">
      <div class="identity">
        <span class={`token ${token.isSpecial ? "special" : `tint-${index % 6}`}`}><Glyphs glyphs={token.glyphs} /></span>
        <span><span class="soft">{tokens.id}</span> {token.id}</span>
        <span class="bytes">{hexOf(token.bytes)}</span>
        {token.isSpecial && <span class="soft">{tokens.isSpecial}</span>}
        {isPartial && <span class="soft">{tokens.partial}</span>}
      </div>
      {answer.status === "failed" && <FailureNote failure={answer.failure} />}
      {answer.status === "ready" && !token.isSpecial && (
        <div class={answer.value.of === tokenization && answer.value.index === index ? undefined : "outdated"}>
          <Making {...answer.value} />
        </div>
      )}
    </div>
  );
}

function Making({ explanation, tree }: { readonly explanation?: { readonly length: number }; readonly tree?: ReturnType<typeof mergeTree> }) {
  const { tokens } = words.value;
  if (!explanation || !tree) return <p class="soft">{tokens.noMerges}</p>;
  if (tree.symbols.length === 0) return <p class="soft">{tokens.tooLong(count(explanation.length))}</p>;
  if (tree.merges.length === 0) return <p class="soft">{tree.symbols.length === 1 ? tokens.alone : tokens.noMerge}</p>;
  return <MergePlayer tree={tree} />;
}
