import { useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { model } from "../../state/engine.ts";
import { words } from "../../state/locale.ts";
import { answerAgain, branch, forget, isFull, isWriting, longestPrompt, say, stop, writeOn } from "../../state/write.ts";
import { SteadyButton } from "../../ui/steady-button.tsx";

/** What a user says in the chat, and what else the model may do there. */
export function ChatActions() {
  const { write } = words.value;
  const draft = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  const beginAnew = (): void => {
    void forget();
    // What was pressed is gone soon.
    field.current?.focus();
  };
  const canAsk = model.value.status === "ready" && !isWriting.value;
  const send = (event: Event): void => {
    event.preventDefault();
    const message = draft.value.trim();
    if (!canAsk || message === "") return;
    draft.value = "";
    void say(message).then((isSaid) => {
      if (!isSaid && draft.value === "") draft.value = message;
    });
  };
  return (
    <>
      {branch.value ? (
        <div class="row">
          <SteadyButton isOff={!canAsk || isFull.value} onClick={() => void writeOn()}>{write.on}</SteadyButton>
          <SteadyButton isOff={!canAsk} onClick={() => void answerAgain()}>{write.answerAgain}</SteadyButton>
          <button type="button" class="plain-button" onClick={beginAnew}>{write.newChat}</button>
        </div>
      ) : (
        <p class="soft">{write.chatAbout}</p>
      )}
      <form class="say" onSubmit={send}>
        <input
          ref={field} type="text" dir="auto" maxLength={longestPrompt} aria-label={write.message} placeholder={write.message} value={draft.value}
          onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
        />
        {isWriting.value ? (
          <button type="button" class="main-button" onClick={() => void stop()}>{write.stop}</button>
        ) : (
          <button type="submit" class="main-button" aria-disabled={!canAsk || draft.value.trim() === ""}>{write.send}</button>
        )}
      </form>
    </>
  );
}
