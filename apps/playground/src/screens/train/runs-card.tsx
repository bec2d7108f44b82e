import { useSignal } from "@preact/signals";
import type { RunSummary } from "../../engine/api/training.ts";
import { backend, engine } from "../../state/engine.ts";
import { count, decimal, short, size, time, words } from "../../state/locale.ts";
import { compare, compared, download, failed, mostCompared, runs, takeOver, withRuns } from "../../state/runs.ts";
import { deleteRun, goOnWith, isTraining, show, shown } from "../../state/train.ts";
import { FailureNote } from "../../ui/failure-note.tsx";
import { SteadyButton } from "../../ui/steady-button.tsx";
import { usePassingFocus } from "../../ui/use-passing-focus.ts";
import { writeWith } from "./write-with.ts";

/** The runs that are kept, and what can be done with them. */
export function RunsCard() {
  const { train: { runs: texts } } = words.value;
  const state = runs.value;
  return (
    <section class="card runs" aria-labelledby="runs-heading">
      <header class="row">
        <h2 id="runs-heading" tabIndex={-1}>{texts.heading}</h2>
        {"showDirectoryPicker" in globalThis && <button type="button" class="plain-button" title={texts.aboutImport} onClick={() => void choose()}>{texts.import}</button>}
      </header>
      <p class="soft about">{texts.about} {texts.aboutImport}</p>
      {failed.value && <FailureNote failure={failed.value.failure} />}
      {state.status === "failed" ? <FailureNote failure={state.failure} /> : state.status === "loading" ? null : state.value.length === 0 ? (
        <p class="soft">{texts.none}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-labelledby="runs-heading">
          <table>
            <thead>
              <tr>
                <th scope="col">{texts.compareShort}</th><th scope="col">{texts.name}</th><th scope="col">{texts.steps}</th><th scope="col">{texts.loss}</th>
                <th scope="col">{texts.validation}</th><th scope="col">{texts.parameters}</th><th scope="col">{texts.size}</th><th scope="col">{texts.saved}</th>
                <th scope="col">{texts.actions}</th>
              </tr>
            </thead>
            <tbody>{state.value.map((run) => <Run key={run.name} {...run} />)}</tbody>
          </table>
        </div>
      )}
    </section>
  );
}

type Picker = () => Promise<FileSystemDirectoryHandle>;

async function choose(): Promise<void> {
  const { showDirectoryPicker } = globalThis as unknown as { readonly showDirectoryPicker: Picker };
  const folder = await showDirectoryPicker().catch(() => undefined); // A visitor changed his mind.
  if (folder) await takeOver(folder);
}

function Run(run: RunSummary) {
  const { train: { runs: texts } } = words.value;
  const { name, step, steps, loss, validationLoss, parameters, bytes, inUse } = run;
  const isCompared = compared.value.has(name);
  const isSaved = steps > 0;
  const element = usePassingFocus<HTMLTableRowElement>(() => document.getElementById("runs-heading"));
  return (
    <tr ref={element} aria-current={shown.value?.name === name ? "true" : undefined}>
      <td>
        <input
          type="checkbox" aria-label={texts.compare(name)} checked={isCompared} disabled={!isSaved || (!isCompared && compared.value.size >= mostCompared)}
          onChange={({ currentTarget }) => void compare(name, currentTarget.checked)}
        />
      </td>
      <th scope="row">{name}</th>
      <td>{count(step)} / {count(steps)}</td>
      <td>{loss === null ? "–" : decimal(loss)}</td>
      <td>{validationLoss === null ? "–" : decimal(validationLoss)}</td>
      <td>{parameters === null ? "–" : short(parameters)}</td>
      <td>{size(bytes)}</td>
      <td>{inUse ? texts.inUse : run.time ? time(run.time) : "–"}</td>
      <td><div class="row"><Actions {...run} isSaved={isSaved} /></div></td>
    </tr>
  );
}

function Actions(run: RunSummary & { readonly isSaved: boolean }) {
  const { train: { runs: texts } } = words.value;
  const { name, step, steps, inUse, isSaved } = run;
  const isSure = useSignal(false);
  const canCompute = backend.value.status === "ready";
  const look = async (): Promise<void> => {
    const history = await withRuns(engine.ask("runHistory", name));
    if (history) show(name, history, run);
  };
  const write = async (): Promise<void> => {
    const history = await withRuns(engine.ask("runHistory", name));
    await writeWith(name, history?.moments.at(-1)?.prompt);
  };
  return (
    <>
      {step < steps && <SteadyButton isOff={inUse || isTraining.value || !canCompute} onClick={() => void goOnWith(name)}>{texts.goOn}</SteadyButton>}
      {isSaved && (
        <>
          <button type="button" class="plain-button" disabled={isTraining.value} onClick={() => void look()}>{texts.show}</button>
          <button type="button" class="plain-button" disabled={!canCompute} onClick={() => void write()}>{texts.write}</button>
          <button type="button" class="plain-button" onClick={() => void download(name, "model")}>{texts.model}</button>
          <button type="button" class="plain-button" onClick={() => void download(name, "run")}>{texts.run}</button>
        </>
      )}
      <button
        type="button" class={isSure.value ? "plain-button sure" : "plain-button"} disabled={inUse} onBlur={() => (isSure.value = false)}
        onClick={({ detail }) => {
          if (detail > 1) return; // A double click asks, and does not answer.
          if (isSure.value) void deleteRun(name);
          isSure.value = !isSure.value;
        }}
      >
        {isSure.value ? texts.reallyDelete : texts.delete}
      </button>
    </>
  );
}
