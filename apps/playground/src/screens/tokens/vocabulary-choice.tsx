import { ownVocabulary } from "../../state/engine.ts";
import { words } from "../../state/locale.ts";
import { chosenVocabularies, toggleVocabulary, vocabularyIds } from "../../state/tokens.ts";
import type { VocabularyId } from "../../engine/api/tokens.ts";
import { Toggle } from "../../ui/choice.tsx";

/** Which vocabularies are shown; one's own is a file. */
export function VocabularyChoice({ onFile }: { readonly onFile: (file: File) => void }) {
  const { vocabularies, own, ownAbout } = words.value.tokens;
  return (
    <div class="row" role="group" aria-label={vocabularies}>
      {vocabularyIds.map((id) =>
        id === "own" && !ownVocabulary.value ? null : (
          <Toggle
            key={id} name={nameOf(id)} detail={detailOf(id)} isOn={chosenVocabularies.value.includes(id)}
            onToggle={(on) => toggleVocabulary(id, on)}
          />
        ),
      )}
      <label class="toggle file" title={ownAbout}>
        <input
          type="file" accept=".json,.tiktoken,.gguf" aria-label={ownAbout}
          onChange={({ currentTarget }) => {
            const [file] = currentTarget.files ?? [];
            // The same file may be chosen again.
            currentTarget.value = "";
            if (file) onFile(file);
          }}
        />
        <span>{own}</span>
      </label>
    </div>
  );
}

/** What a vocabulary is called. */
export function nameOf(id: VocabularyId): string {
  return id === "own" ? (ownVocabulary.value?.name ?? words.value.tokens.own) : words.value.tokens.names[id];
}

/** What programs call it. */
export function detailOf(id: VocabularyId): string | undefined {
  return id === "model" || id === "own" ? undefined : id;
}
