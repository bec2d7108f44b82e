import { computed, signal } from "@preact/signals";
import type { Tokenization, VocabularyId } from "../../engine/api/tokens.ts";
import { engine, modelVocabulary, ownVocabulary, versionOf } from "../../state/engine.ts";
import { count, ratio, words } from "../../state/locale.ts";
import { chosenToken, chosenVocabularies, readsSpecial, text, textSize } from "../../state/tokens.ts";
import { FailureNote } from "../../ui/failure-note.tsx";
import { useLatest } from "../../ui/use-latest.ts";
import { longestToken } from "./shown-tokens.ts";
import { TokenInspector } from "./token-inspector.tsx";
import { TokenRow } from "./token-row.tsx";
import { detailOf, nameOf } from "./vocabulary-choice.tsx";
import "./vocabulary-card.css";

/** How many tokens each vocabulary makes of the text, for comparison. */
const counts = signal<Partial<Record<VocabularyId, number>>>({});
const largest = computed(() => Math.max(1, ...chosenVocabularies.value.map((id) => counts.value[id] ?? 0)));

/** One vocabulary: what it makes of the text, and how. */
export function VocabularyCard({ id }: { readonly id: VocabularyId }) {
  const { tokens } = words.value;
  const options = { special: readsSpecial.value };
  const isReading = stateOf(id)?.status === "loading";
  const answer = useLatest(async () => {
    const tokenization = await engine.ask("tokenize", id, text.value, options);
    counts.value = { ...counts.value, [id]: tokenization.ids.length };
    return tokenization;
  }, [text.value, options.special, versionOf(id)]);
  const failed = stateOf(id)?.status === "failed" ? stateOf(id) : answer;
  const tokenization = answer.status === "ready" ? answer.value : undefined;
  const chosen = chosenToken.value;
  const index = tokenization && chosen.vocabulary === id ? (chosen.index === "longest" ? longestToken(tokenization) : chosen.index) : undefined;
  return (
    <section class="card vocabulary" aria-label={nameOf(id)} data-vocabulary={id}>
      <header>
        <div>
          <h2>{nameOf(id)} <code>{detailOf(id)}</code></h2>
          <p class="soft">{tokenization ? tokens.of(count(tokenization.vocabSize)) : " "}</p>
        </div>
        {tokenization && <Count tokenization={tokenization} />}
      </header>
      <div class="meter" aria-hidden="true"><i style={{ inlineSize: `${(100 * (tokenization?.ids.length ?? 0)) / largest.value}%` }} /></div>
      {failed?.status === "failed" && !isReading ? (
        <FailureNote failure={failed.failure} />
      ) : !tokenization || isReading ? (
        <p class="soft waiting">{tokens.reading}</p>
      ) : tokenization.ids.length === 0 ? (
        <p class="soft waiting">{tokens.empty}</p>
      ) : (
        <>
          <TokenRow vocabulary={id} tokenization={tokenization} chosen={index} />
          {index !== undefined && index < tokenization.ids.length && (
            <TokenInspector vocabulary={id} tokenization={tokenization} index={index} options={options} />
          )}
        </>
      )}
    </section>
  );
}

function stateOf(id: VocabularyId) {
  return id === "model" ? modelVocabulary.value : id === "own" ? ownVocabulary.value : undefined;
}

function Count({ tokenization: { ids } }: { readonly tokenization: Tokenization }) {
  const { tokens } = words.value;
  return (
    <div class="count">
      <p><strong>{count(ids.length)}</strong> {tokens.unit(ids.length)}</p>
      <p class="soft">{ids.length > 0 && tokens.ratio(ratio(textSize.value.characters / ids.length))}</p>
    </div>
  );
}
