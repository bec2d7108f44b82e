import type { KeptModel, ModelSource } from "../engine/api/model.ts";
import { modelSource, shipped } from "../state/engine.ts";
import { size, words } from "../state/locale.ts";
import { askToPersist, openModel, removal, removeKept, storage } from "../state/models.ts";
import { openedNameOf, repositoryOf } from "../state/opened-names.ts";
import { FailureNote } from "../ui/failure-note.tsx";
import { PassingButton } from "../ui/passing-button.tsx";
import { SteadyButton } from "../ui/steady-button.tsx";
import { usePassingFocus } from "../ui/use-passing-focus.ts";

const headingId = "kept-models";
const heading = (): HTMLElement | null => document.getElementById(headingId);

/** Models that are here, the page's own among them, and what the browser gives the page for them. */
export function KeptModels() {
  const { model: texts } = words.value;
  const kept = storage.value;
  const source = modelSource.value;
  const openRepository = source.kind === "hub" ? repositoryOf(source.name) : undefined;
  return (
    <section aria-labelledby={headingId}>
      <h3 id={headingId} tabIndex={-1}>{texts.here}</h3>
      <ul class="kept">
        <li>
          <span class="kept-name">{texts.name}</span>
          <span class="soft">{texts.comes}</span>
          <Open name={texts.name} source={shipped} isOpen={source.kind === "shipped"} />
        </li>
        {kept?.models.map((model) => <Kept key={model.name} {...model} isOpen={openRepository === model.name} />)}
      </ul>
      {removal.value && <FailureNote failure={removal.value} />}
      {kept && (
        <div class="storage">
          <meter aria-label={texts.storage} value={kept.usage} max={kept.quota} />
          <p class="soft">{texts.used(size(kept.usage), size(kept.quota))} {kept.isPersistent ? texts.persistent : texts.mayGo}</p>
          {!kept.isPersistent && kept.usage > 0 && <PassingButton next={heading} onClick={() => void askToPersist()}>{texts.persist}</PassingButton>}
        </div>
      )}
    </section>
  );
}

function Kept({ name, bytes, isOpen }: KeptModel & { readonly isOpen: boolean }) {
  const { model: texts } = words.value;
  const element = usePassingFocus<HTMLLIElement>(heading);
  return (
    <li ref={element}>
      <span class="kept-name">{name}</span>
      <span class="soft">{size(bytes)}</span>
      <Open name={name} source={{ kind: "hub", name: openedNameOf(name), isKept: true }} isOpen={isOpen} />
      <button type="button" class="plain-button" aria-label={`${texts.remove}: ${name}`} onClick={() => void removeKept(name)}>{texts.remove}</button>
    </li>
  );
}

function Open({ name, source, isOpen }: { readonly name: string; readonly source: ModelSource; readonly isOpen: boolean }) {
  const { open } = words.value.model;
  return (
    <SteadyButton isOff={isOpen} aria-label={`${open}: ${name}`} onClick={() => void openModel(source)}>{open}</SteadyButton>
  );
}
