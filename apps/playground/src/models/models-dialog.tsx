import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ModelReport } from "../engine/api/model.ts";
import { model, modelSource } from "../state/engine.ts";
import type { OpenSource } from "../state/engine.ts";
import { count, size, words } from "../state/locale.ts";
import { lookAtStorage, nameOf, opening, page, removal, saveAsPage } from "../state/models.ts";
import { FailureNote } from "../ui/failure-note.tsx";
import { Icon } from "../ui/icon.tsx";
import { SavingNote } from "../ui/saving-note.tsx";
import { SteadyButton } from "../ui/steady-button.tsx";
import { KeptModels } from "./kept-models.tsx";
import { ModelChooser } from "./model-chooser.tsx";
import { OpeningNote } from "./opening-note.tsx";
import { titleId } from "./title.ts";
import "./models-dialog.css";

const id = "models";
const isShown = signal(false);

export function showModels(): void {
  isShown.value = true;
  removal.value = undefined;
  void lookAtStorage();
}

/** The open model, others to open, and what the browser keeps of them. */
export function ModelsDialog() {
  const { close, model: texts } = words.value;
  const stage = opening.value?.stage;
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (stage === "linked" || stage === "failed") showModels();
  }, [stage]);
  useEffect(() => {
    if (isShown.value && !dialog.current?.open) dialog.current?.showModal();
  }, [isShown.value]);
  if (!isShown.value) return null;
  return (
    <dialog
      ref={dialog} id={id} class="models" aria-labelledby={titleId}
      onClose={() => (isShown.value = false)} onClick={(event) => event.target === event.currentTarget && event.currentTarget.close()}
    >
      <div class="models-content">
        <header>
          <h2 id={titleId} tabIndex={-1}>{texts.heading}</h2>
          <form method="dialog">
            <button class="bar-button" aria-label={close}><Icon name="close" /></button>
          </form>
        </header>
        <Current />
        <OpeningNote />
        <ModelChooser />
        <KeptModels />
      </div>
    </dialog>
  );
}

function Current() {
  const { model: texts, errors } = words.value;
  const state = model.value;
  const source = modelSource.value;
  return (
    <section class="current" aria-labelledby="model-name">
      <h3 id="model-name">{nameOf(source)}</h3>
      <p class="soft">{aboutOf(source)}</p>
      {state.status === "loading" && <p>{texts.loading}</p>}
      {state.status === "failed" && <FailureNote failure={state.failure} texts={{ ...errors, ...texts.errors }} />}
      {state.status === "ready" && (
        <>
          <Facts report={state.value} />
          <SteadyButton isOff={page.value?.status === "loading"} onClick={() => void saveAsPage()}>{texts.page}</SteadyButton>
          <p class="soft">{texts.pageAbout}</p>
          <SavingNote state={page.value} />
        </>
      )}
    </section>
  );
}

function aboutOf({ kind }: OpenSource): string {
  return words.value.model.abouts[kind];
}

function Facts({ report }: { readonly report: ModelReport }) {
  const { tokens, ...texts } = words.value.model;
  const facts = [
    [texts.parameters, count(report.parameters)],
    [texts.layers, count(report.layers)],
    [texts.heads, count(report.heads)],
    [texts.dim, count(report.dim)],
    [texts.contextLength, tokens(count(report.contextLength))],
    [texts.vocabSize, tokens(count(report.vocabSize))],
    [texts.memory, `${size(report.weightBytes)} · ${report.dtype}`],
  ];
  return (
    <>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {report.notes.length > 0 && <p class="soft">{texts.notes} <span lang="en">{report.notes.join("; ")}.</span></p>}
    </>
  );
}
