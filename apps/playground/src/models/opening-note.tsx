import type { ComponentChildren } from "preact";
import type { Failure } from "../engine/api/reply.ts";
import type { OpenSource } from "../state/engine.ts";
import { count, percent, size, words } from "../state/locale.ts";
import { cancel, nameOf, opening, openModel } from "../state/models.ts";
import type { Opening } from "../state/models.ts";
import { repositoryOf } from "../state/opened-names.ts";
import { FailureNote } from "../ui/failure-note.tsx";
import { PassingButton } from "../ui/passing-button.tsx";
import { titleId } from "./title.ts";

/** How far the model is that was asked for, or why it is not opened. */
export function OpeningNote() {
  const state = opening.value;
  const { model: texts, close } = words.value;
  if (!state) return null;
  const { source } = state;
  return (
    <section class="opening" aria-label={texts.opening(nameOf(source))}>
      <h3>{nameOf(source)}</h3>
      {state.stage === "linked" && (
        <>
          <p>{texts.linked}</p>
          <Action onClick={() => void openModel(state.source)}>{texts.open}</Action>
        </>
      )}
      {state.stage === "reading" && (
        <>
          <progress aria-label={texts.opening(nameOf(source))} {...(state.totalBytes > 0 && { value: state.bytes, max: state.totalBytes })} />
          <div class="row">
            <span class="soft">
              {state.totalBytes > 0 ? `${texts.read(size(state.bytes), size(state.totalBytes))} · ${percent(state.bytes / state.totalBytes)}` : texts.looking}
            </span>
            <Action onClick={cancel}>{texts.cancel}</Action>
          </div>
        </>
      )}
      {state.stage === "failed" && <Failed {...state} />}
      {state.stage === "too-large" && (
        <div class="failure" role="alert">
          <p>{texts.tooLarge(count(state.forecast.parameters), size(state.forecast.bytes), size(state.forecast.room))}</p>
          {state.forecast.bytesAsInt8 <= state.forecast.room ? (
            <>
              <p>{texts.asInt8About(size(state.forecast.bytesAsInt8))}</p>
              <Action onClick={() => void openModel(state.source, true)}>{texts.asInt8}</Action>
            </>
          ) : (
            <p>{texts.notEvenInt8(size(state.forecast.bytesAsInt8))}</p>
          )}
        </div>
      )}
      {state.stage !== "reading" && <Action onClick={cancel}>{close}</Action>}
    </section>
  );
}

/** Why it is not opened, and what else can be tried. */
function Failed({ source, failure, asInt8 }: Opening & { readonly stage: "failed" }) {
  const { model: texts, errors, again } = words.value;
  const { code, message, choices } = told(source, failure);
  const repository = source.kind === "hub" ? repositoryOf(source.name) : undefined;
  return (
    <>
      <FailureNote failure={{ code, message }} texts={{ ...errors, ...texts.errors }} />
      {source.kind === "hub" && choices && <Choices name={source.name} choices={choices} asInt8={asInt8} />}
      {repository !== undefined && !choices && ["access-denied", "token-denied", "not-found"].includes(code) && (
        <a href={`https://huggingface.co/${repository}`} target="_blank" rel="noopener noreferrer">{texts.hubPage}</a>
      )}
      {source.kind === "hub" && (code === "download-failed" || code === "not-kept") && (
        <>
          <p>{texts.goesOn}</p>
          <Action onClick={() => void openModel({ kind: "hub", name: source.name }, asInt8)}>{code === "not-kept" ? texts.download : again}</Action>
        </>
      )}
      {source.kind !== "run" && source.kind !== "tuned" && code === "out-of-memory" && !asInt8 && (
        <Action onClick={() => void openModel(source, true)}>{texts.asInt8}</Action>
      )}
    </>
  );
}

/** The files of a repository, of which one is the model that is meant. */
function Choices({ name, choices, asInt8 }: { readonly name: string; readonly choices: readonly string[]; readonly asInt8: boolean }) {
  const { model: texts } = words.value;
  const [revision = ""] = /@.*$/.exec(name) ?? [];
  return (
    <div class="choices" role="group" aria-label={texts.choices}>
      {choices.map((choice) => (
        <Action key={choice} onClick={() => void openModel({ kind: "hub", name: repositoryOf(name) + choice + revision }, asInt8)}>{choice.slice(1)}</Action>
      ))}
    </div>
  );
}

/** What a failure of the hub means depends on how the hub was asked. */
function told(source: OpenSource, failure: Failure): Failure {
  const { code, message, choices } = failure;
  if (source.kind !== "hub") return failure;
  if (choices) return { ...failure, code: "several-files" };
  if (code === "not-found" && source.isKept) return { code: "not-kept", message };
  return { code: code === "access-denied" && source.token !== undefined ? "token-denied" : code, message };
}

/** What leads to another stage, in which it is gone. */
function Action({ children, onClick }: { readonly children: ComponentChildren; readonly onClick: () => void }) {
  return <PassingButton next={() => document.getElementById(titleId)} onClick={onClick}>{children}</PassingButton>;
}
