import { modelSource, shipped } from "../state/engine.ts";
import { size, words } from "../state/locale.ts";
import { askToPersist, openModel, removal, removeKept, storage } from "../state/models.ts";
import { openedNameOf, repositoryOf } from "../state/opened-names.ts";
import { FailureNote } from "../ui/failure-note.tsx";

/** Models that are here, the page's own among them, and what the browser gives the page for them. */
export function KeptModels() {
  const { model: texts } = words.value;
  const kept = storage.value;
  const source = modelSource.value;
  const openRepository = source.kind === "hub" ? repositoryOf(source.name) : undefined;
  return (
    <section aria-labelledby="kept-models">
      <h3 id="kept-models">{texts.here}</h3>
      <ul class="kept">
        <li>
          <span class="kept-name">{texts.name}</span>
          <span class="soft">{texts.comes}</span>
          <button type="button" class="plain-button" disabled={source.kind === "shipped"} aria-label={`${texts.open}: ${texts.name}`} onClick={() => void openModel(shipped)}>
            {texts.open}
          </button>
        </li>
        {kept?.models.map(({ name, bytes }) => (
          <li key={name}>
            <span class="kept-name">{name}</span>
            <span class="soft">{size(bytes)}</span>
            <button
              type="button" class="plain-button" disabled={openRepository === name} aria-label={`${texts.open}: ${name}`}
              onClick={() => void openModel({ kind: "hub", name: openedNameOf(name), isKept: true })}
            >
              {texts.open}
            </button>
            <button type="button" class="plain-button" aria-label={`${texts.remove}: ${name}`} onClick={() => void removeKept(name)}>{texts.remove}</button>
          </li>
        ))}
      </ul>
      {removal.value && <FailureNote failure={removal.value} />}
      {kept && (
        <div class="storage">
          <meter aria-label={texts.storage} value={kept.usage} max={kept.quota} />
          <p class="soft">{texts.used(size(kept.usage), size(kept.quota))} {kept.isPersistent ? texts.persistent : texts.mayGo}</p>
          {!kept.isPersistent && kept.usage > 0 && <button type="button" class="plain-button" onClick={() => void askToPersist()}>{texts.persist}</button>}
        </div>
      )}
    </section>
  );
}
