import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { isHubName } from "@gpt/gpt/web";
import { words } from "../state/locale.ts";
import { isToken, opening, openModel, token } from "../state/models.ts";
import { sourceOf } from "./chosen-files.ts";

/** Where else a model can be from: the visitor's disk, or the hub. */
export function ModelChooser() {
  const { model: texts } = words.value;
  return (
    <>
      <section class="drop-zone" aria-labelledby="own-model">
        <h3 id="own-model">{texts.own}</h3>
        <p class="soft">{texts.ownAbout}</p>
        <div class="row">
          <FileButton name={texts.chooseFile} accept=".gguf,.json,.safetensors,.txt" multiple />
          <FileButton name={texts.chooseFolder} webkitdirectory />
        </div>
      </section>
      <Hub />
    </>
  );
}

interface FileButtonProps {
  readonly name: string;
  readonly accept?: string;
  readonly multiple?: boolean;
  readonly webkitdirectory?: boolean;
}

function FileButton({ name, ...chosen }: FileButtonProps) {
  return (
    <label class="toggle file">
      <input
        type="file" aria-label={name} {...chosen}
        onChange={({ currentTarget }) => {
          const files = Array.from(currentTarget.files ?? []);
          currentTarget.value = ""; // The same may be chosen again.
          void openModel(sourceOf(files));
        }}
      />
      <span>{name}</span>
    </label>
  );
}

function Hub() {
  const { model: texts } = words.value;
  const text = useSignal("");
  const name = text.value.trim();
  const isWrong = name !== "" && !isHubName(name);
  return (
    <form
      class="hub" aria-labelledby="hub-model"
      onSubmit={(event) => {
        event.preventDefault();
        if (name !== "" && !isWrong && isToken.value) void openModel({ kind: "hub", name });
      }}
    >
      <h3 id="hub-model">{texts.hub}</h3>
      <p class="soft" id="hub-about">{texts.hubAbout}</p>
      <div class="row">
        <input
          type="text" class="text-field" aria-label={texts.hubName} aria-describedby="hub-about" aria-invalid={isWrong} placeholder="OWNER/NAME:Q8_0"
          autocapitalize="off" autocomplete="off" spellcheck={false} value={text.value} onInput={({ currentTarget }) => (text.value = currentTarget.value)}
        />
        <button class="plain-button" disabled={name === "" || isWrong || !isToken.value}>{texts.open}</button>
      </div>
      {isWrong && <p class="soft">{texts.noName}</p>}
      <Token />
    </form>
  );
}

/** A token of an account of the hub; its field opens where a model may need one. */
function Token() {
  const { model: texts } = words.value;
  const state = opening.value;
  const details = useRef<HTMLDetailsElement>(null);
  const isAsked = state?.stage === "failed" && state.source.kind === "hub" && ["access-denied", "not-found"].includes(state.failure.code);
  useEffect(() => {
    if (isAsked) details.current!.open = true;
  }, [isAsked]);
  return (
    <details ref={details} class="token">
      <summary>{texts.token}</summary>
      <input
        type="password" class="text-field" aria-label={texts.tokenName} aria-describedby="token-about" aria-invalid={!isToken.value} placeholder="hf_…"
        autocomplete="off" spellcheck={false} value={token.value} onInput={({ currentTarget }) => (token.value = currentTarget.value)}
      />
      <p class="soft" id="token-about">{texts.tokenAbout}</p>
      {!isToken.value && <p class="soft">{texts.noToken}</p>}
    </details>
  );
}
