import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { DataReport } from "../../engine/api/tuning.ts";
import { model as opened } from "../../state/engine.ts";
import type { Loading } from "../../state/engine.ts";
import { count, locale, words } from "../../state/locale.ts";
import { files, isEmpty, setFiles, setText, task, text } from "../../state/tune.ts";
import { Choice } from "../../ui/choice.tsx";
import { FailureNote } from "../../ui/failure-note.tsx";
import { examples } from "./examples.ts";
import { Samples } from "./samples.tsx";

/** From this ratio of the commonest label to the rarest on, a model that knows nothing of the rare one does well. */
const imbalance = 4;
/** Labels that are listed. */
const mostLabels = 12;

export function DataCard({ report }: { readonly report: Loading<DataReport | undefined> }) {
  const { tune, model } = words.value;
  const isOver = useDroppedFiles();
  const field = useRef<HTMLTextAreaElement>(null);
  // What was pressed is gone.
  const focusField = (): void => void requestAnimationFrame(() => field.current?.focus());
  return (
    <section class={`card data ${isOver ? "over" : ""}`} aria-labelledby="data-heading">
      <header class="row">
        <h2 id="data-heading">{tune.data}</h2>
        <Choice label={tune.task} names={tune.tasks} value={task.value} onChoose={(chosen) => (task.value = chosen)} />
      </header>
      <p class="soft">{isOver ? tune.drop : tune.hints[task.value]}</p>
      {files.value.length > 0 ? (
        <p class="chosen">{files.value.map(({ name }) => name).join(", ")}</p>
      ) : (
        <textarea
          ref={field} rows={8} dir="auto" spellcheck={false} aria-label={tune.data} value={text.value}
          onInput={({ currentTarget }) => setText(currentTarget.value)} onPaste={takeLong}
        />
      )}
      <div class="row">
        {files.value.length > 0 ? (
          <button
            type="button" class="plain-button"
            onClick={() => {
              setFiles([]);
              focusField();
            }}
          >
            {tune.clearFiles}
          </button>
        ) : isEmpty.value && (
          <button
            type="button" class="main-button"
            onClick={() => {
              setText(examples[locale.value][task.value]);
              focusField();
            }}
          >
            {tune.example}
          </button>
        )}
        <FileButton />
      </div>
      {isEmpty.value ? (
        <p class="soft">{tune.empty}</p>
      ) : report.status === "failed" ? (
        <FailureNote failure={report.failure} />
      ) : report.status === "ready" && report.value ? (
        <Understood report={report.value} />
      ) : (
        opened.value.status === "failed" ? <FailureNote failure={opened.value.failure} /> : <p class="soft">{report.status === "ready" ? model.loading : tune.reading}</p>
      )}
    </section>
  );
}

/** Characters that a browser lays out at once. What is longer and pasted is taken as a file. */
const longest = 20_000;

function takeLong(event: ClipboardEvent): void {
  const pasted = event.clipboardData?.getData("text/plain") ?? "";
  if (pasted.length <= longest) return;
  event.preventDefault();
  setFiles([new File([pasted], words.value.tune.pasted)]);
}

function FileButton() {
  const { tune } = words.value;
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="plain-button" onClick={() => input.current?.click()}>{tune.files}</button>
      <input
        ref={input} type="file" hidden multiple accept=".jsonl,.json,.ndjson,.csv,.tsv,.txt" aria-label={tune.files}
        onChange={({ currentTarget }) => {
          const chosen = [...(currentTarget.files ?? [])];
          if (chosen.length > 0) setFiles(chosen);
          currentTarget.value = "";
        }}
      />
    </>
  );
}

/** Takes files that are dropped anywhere on the page. */
function useDroppedFiles(): boolean {
  const isOver = useSignal(false);
  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      isOver.value = true;
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) isOver.value = false;
    };
    const drop = (event: DragEvent): void => {
      isOver.value = false;
      const dropped = [...(event.dataTransfer?.files ?? [])];
      if (dropped.length === 0) return;
      event.preventDefault();
      setFiles(dropped);
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, []);
  return isOver.value;
}

/** What was understood of the data, and what was not. */
function Understood({ report: { examples, labels, samples, cut, problem, plainTemplate } }: { readonly report: DataReport }) {
  const { tune, errors } = words.value;
  const [most, least] = [labels[0], labels.at(-1)];
  return (
    <>
      {problem && (
        <div class="failure" role="alert">
          <p>
            {problem.line !== undefined && <b>{tune.line(count(problem.line))}: </b>}
            {problem.code in errors ? errors[problem.code as keyof typeof errors] : errors["invalid-record"]} {examples > 0 && tune.counted}
          </p>
          <p class="detail" lang="en">{problem.message}</p>
        </div>
      )}
      <p class="counts">
        <b>{task.value === "labels" ? tune.texts(count(examples)) : tune.dialogues(count(examples))}</b>
        {labels.slice(0, mostLabels).map(({ label, count: those }) => <span key={label} class="label">{label} <i>{count(those)}</i></span>)}
        {labels.length > mostLabels && <span class="soft">{tune.moreLabels(count(labels.length - mostLabels))}</span>}
      </p>
      {most && least && most.count >= imbalance * least.count && <p class="warning">{tune.imbalance(most.label, least.label)}</p>}
      {cut > 0 && <p class="warning">{tune.cut(count(cut))}</p>}
      {task.value === "messages" && plainTemplate && <p class="soft">{tune.plainTemplate}</p>}
      {samples.length > 0 && <Samples samples={samples} />}
    </>
  );
}
