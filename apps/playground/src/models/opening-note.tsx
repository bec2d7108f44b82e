import { count, percent, size, words } from "../state/locale.ts";
import { cancel, nameOf, opening, openModel } from "../state/models.ts";
import { FailureNote } from "../ui/failure-note.tsx";

/** How far the model is that was asked for, or why it is not opened. */
export function OpeningNote() {
  const state = opening.value;
  const { model: texts, errors, close } = words.value;
  if (!state) return null;
  const { source } = state;
  return (
    <section class="opening" aria-label={texts.opening(nameOf(source))}>
      <h3>{nameOf(source)}</h3>
      {state.stage === "linked" && (
        <>
          <p>{texts.linked}</p>
          <button type="button" class="plain-button" onClick={() => void openModel(state.source)}>{texts.open}</button>
        </>
      )}
      {state.stage === "reading" && (
        <>
          <progress aria-label={texts.opening(nameOf(source))} {...(state.totalBytes > 0 && { value: state.bytes, max: state.totalBytes })} />
          <div class="row">
            <span class="soft">
              {state.totalBytes > 0 ? `${texts.read(size(state.bytes), size(state.totalBytes))} · ${percent(state.bytes / state.totalBytes)}` : texts.looking}
            </span>
            <button type="button" class="plain-button" onClick={cancel}>{texts.cancel}</button>
          </div>
        </>
      )}
      {state.stage === "failed" && <FailureNote failure={state.failure} texts={{ ...errors, ...texts.errors }} />}
      {state.stage === "too-large" && (
        <div class="failure" role="alert">
          <p>{texts.tooLarge(count(state.forecast.parameters), size(state.forecast.bytes), size(state.forecast.room))}</p>
          {state.forecast.bytesAsInt8 <= state.forecast.room ? (
            <>
              <p>{texts.asInt8About(size(state.forecast.bytesAsInt8))}</p>
              <button type="button" class="plain-button" onClick={() => void openModel(state.source, true)}>{texts.asInt8}</button>
            </>
          ) : (
            <p>{texts.notEvenInt8(size(state.forecast.bytesAsInt8))}</p>
          )}
        </div>
      )}
      {state.stage !== "reading" && <button type="button" class="plain-button" onClick={cancel}>{close}</button>}
    </section>
  );
}
