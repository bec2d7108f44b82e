import { useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { words } from "../../state/locale.ts";
import { ask, chat, chatFailure, compares, isAnswering, isBusy, openCopy, stopAnswer } from "../../state/tune.ts";
import type { Run } from "../../state/tune.ts";
import { setChat } from "../../state/write.ts";
import { Toggle } from "../../ui/choice.tsx";
import { FailureNote } from "../../ui/failure-note.tsx";
import { SteadyButton } from "../../ui/steady-button.tsx";

/** A chat with the tuned model; by choice, what the model would have said before is beside it. */
export function ChatCard({ run: { phase } }: { readonly run: Run }) {
  const { tune } = words.value;
  const draft = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  const beginAnew = (): void => {
    chat.value = [];
    // What was pressed is gone.
    field.current?.focus();
  };
  const send = (event: Event): void => {
    event.preventDefault();
    const message = draft.value.trim();
    if (message === "" || isBusy.value) return;
    draft.value = "";
    void ask(message);
  };
  return (
    <section class="card chat" aria-labelledby="chat-heading">
      <header class="row">
        <h2 id="chat-heading">{tune.try}</h2>
        <Toggle name={tune.compare} isOn={compares.value} onToggle={(on) => (compares.value = on)} />
        {chat.value.length > 0 && (
          <button type="button" class="plain-button" disabled={isAnswering.value} onClick={beginAnew}>{tune.newChat}</button>
        )}
        <SteadyButton isOff={isBusy.value} onClick={() => void chatInWrite()}>{tune.write}</SteadyButton>
      </header>
      {phase === "running" && <p class="soft">{tune.tryLater}</p>}
      {chat.value.length > 0 && (
        <ol class="turns" aria-live="polite" aria-busy={isAnswering.value}>
          {chat.value.map(({ message, tuned, base }, i) => (
            <li key={i}>
              <p class="asked" dir="auto"><span class="visually-hidden">{tune.you}: </span>{message}</p>
              <div class={base === undefined ? "answers" : "answers two"}>
                <p dir="auto"><span class="who">{tune.tuned}</span>{tuned || (isAnswering.value ? tune.answering : "…")}</p>
                {base !== undefined && <p dir="auto"><span class="who">{tune.base}</span>{base || "…"}</p>}
              </div>
            </li>
          ))}
        </ol>
      )}
      {chatFailure.value && <FailureNote failure={chatFailure.value} />}
      <form class="row" onSubmit={send}>
        <input
          ref={field} type="text" dir="auto" maxLength={2000} aria-label={tune.message} placeholder={tune.message} value={draft.value} disabled={phase === "running"}
          onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
        />
        {isAnswering.value ? (
          <button type="button" class="plain-button" onClick={() => void stopAnswer()}>{tune.stop}</button>
        ) : (
          <button type="submit" class="plain-button" aria-disabled={draft.value.trim() === "" || isBusy.value}>{tune.send}</button>
        )}
      </form>
    </section>
  );
}

/** Opens a copy of the tuned model in Write. */
async function chatInWrite(): Promise<void> {
  if (!(await openCopy())) return;
  await setChat(true);
  location.hash = "#write";
  // What was pressed is gone.
  document.getElementById("content")?.focus();
}
