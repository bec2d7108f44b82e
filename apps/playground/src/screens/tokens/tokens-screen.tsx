import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { addVocabulary, ownVocabulary } from "../../state/engine.ts";
import { words } from "../../state/locale.ts";
import { chosenVocabularies, readsSpecial, toggleVocabulary, view } from "../../state/tokens.ts";
import { Choice, Toggle } from "../../ui/choice.tsx";
import { Composer } from "./composer.tsx";
import { VocabularyChoice } from "./vocabulary-choice.tsx";
import { VocabularyCard } from "./vocabulary-card.tsx";
import "./tokens-screen.css";

export function TokensScreen() {
  const { tokens } = words.value;
  return (
    <div class="screen tokens">
      <div class="intro">
        <h1>{tokens.heading}</h1>
        <p class="soft">{tokens.lead}</p>
      </div>
      <Composer />
      <div class="controls">
        <VocabularyChoice onFile={takeFile} />
        <div class="row">
          <Choice label={tokens.show} names={tokens.views} value={view.value} onChoose={(name) => (view.value = name)} />
          <Toggle name={tokens.special} detail="<|endoftext|>" isOn={readsSpecial.value} onToggle={(on) => (readsSpecial.value = on)} />
        </div>
      </div>
      <div class="cards">
        {chosenVocabularies.value.map((id) => (id !== "own" || ownVocabulary.value ? <VocabularyCard key={id} id={id} /> : null))}
      </div>
      <DropArea onFile={takeFile} />
    </div>
  );
}

function takeFile(file: File): void {
  void addVocabulary(file);
  toggleVocabulary("own", true);
}

/** The whole page takes a file that is dropped. */
function DropArea({ onFile }: { readonly onFile: (file: File) => void }) {
  const isOver = useSignal(false);
  useEffect(() => {
    const controller = new AbortController();
    const listen = <Name extends "dragover" | "dragleave" | "drop">(name: Name, handle: (event: DragEvent) => void): void =>
      addEventListener(name, (event) => {
        // Text that is dragged within the page goes where it goes.
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        handle(event);
      }, controller);
    listen("dragover", () => (isOver.value = true));
    listen("dragleave", ({ relatedTarget }) => (isOver.value = relatedTarget !== null));
    listen("drop", ({ dataTransfer }) => {
      isOver.value = false;
      const [file] = dataTransfer?.files ?? [];
      if (file) onFile(file);
    });
    return () => controller.abort();
  }, []);
  return isOver.value ? <div class="drop">{words.value.tokens.drop}</div> : null;
}
