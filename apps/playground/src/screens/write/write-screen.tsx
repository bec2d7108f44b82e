import { useEffect } from "preact/hooks";
import type { WritingEnd } from "../../engine/api/writing.ts";
import { announce } from "../../state/announce.ts";
import { model } from "../../state/engine.ts";
import { words } from "../../state/locale.ts";
import { begin, branch, canChat, isChat, isFull, isNew, isWriting, longestPrompt, outcome, prompt, setChat, setPrompt, stop, writeOn } from "../../state/write.ts";
import { Choice } from "../../ui/choice.tsx";
import { FailureNote } from "../../ui/failure-note.tsx";
import { SteadyButton } from "../../ui/steady-button.tsx";
import { Branches } from "./branches.tsx";
import { ChatActions } from "./chat-actions.tsx";
import { NextToken } from "./next-token.tsx";
import { SamplingControls } from "./sampling-controls.tsx";
import { WrittenText } from "./written-text.tsx";
import "./write-screen.css";

export function WriteScreen() {
  const { write } = words.value;
  const ended = outcome.value;
  const note = ended?.status === "ready" && ended.value ? noteOn(ended.value) : undefined;
  useEffect(() => {
    if (note) announce(note);
  }, [ended]);
  return (
    <div class="screen write">
      <div class="intro">
        <h1>{write.heading}</h1>
        <p class="soft">{write.lead}</p>
      </div>
      <div class="desk">
        <section class="card" aria-label={write.text}>
          {canChat.value && <Choice label={write.mode} names={write.modes} value={isChat.value ? "chat" : "text"} onChoose={(mode) => void setChat(mode === "chat")} />}
          {!isChat.value && (
            <>
              <textarea
                class="prompt" rows={2} dir="auto" spellcheck={false} maxLength={longestPrompt} aria-label={write.prompt} value={prompt.value}
                onInput={({ currentTarget }) => setPrompt(currentTarget.value)}
              />
              <Actions />
            </>
          )}
          {branch.value && <WrittenText branch={branch.value} />}
          {isChat.value && <ChatActions />}
          {ended?.status === "failed" && <FailureNote failure={ended.failure} />}
          {note && <p class="soft">{note}</p>}
          <Branches />
        </section>
        <div class="side">
          {(branch.value || !isChat.value) && <NextToken />}
          <SamplingControls />
        </div>
      </div>
    </div>
  );
}

/** How it ended, and by which seed it is written again. */
function noteOn({ reason, seed }: WritingEnd): string {
  const { write } = words.value;
  return `${write.ends[reason === "length" && isFull.value ? "full" : reason]} · ${write.seed} ${seed}`;
}

function Actions() {
  const { write } = words.value;
  const isReady = model.value.status === "ready";
  return (
    <div class="row">
      {isWriting.value ? (
        <button type="button" class="main-button" onClick={() => void stop()}>{write.stop}</button>
      ) : (
        <button type="button" class="main-button" disabled={!isReady} onClick={() => void begin()}>{isNew.value ? write.begin : write.again}</button>
      )}
      {branch.value && (
        <SteadyButton isOff={!isReady || isWriting.value || isFull.value} onClick={() => void writeOn()}>{write.on}</SteadyButton>
      )}
    </div>
  );
}
