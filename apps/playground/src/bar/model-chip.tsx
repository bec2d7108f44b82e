import { model, openedRun } from "../state/engine.ts";
import { count, short, words } from "../state/locale.ts";
import { FailureNote } from "../ui/failure-note.tsx";
import { Popover } from "../ui/popover.tsx";

/** The open model, and what it is. */
export function ModelChip() {
  const { label, name: shipped, about: ofShipped, ofRun, loading, failed, tokens, ...texts } = words.value.model;
  const [name, about] = openedRun.value === undefined ? [shipped, ofShipped] : [openedRun.value, ofRun];
  const state = model.value;
  const detail = state.status === "ready" ? short(state.value.parameters) : undefined;
  return (
    <Popover id="model" label={label} status={state.status} summary={state.status === "failed" ? failed : name} detail={detail}>
      <h2>{name}</h2>
      <p class="soft">{about}</p>
      {state.status === "loading" && <p>{loading}</p>}
      {state.status === "failed" && <FailureNote failure={state.failure} />}
      {state.status === "ready" && (
        <dl class="facts">
          <Fact name={texts.parameters} value={count(state.value.parameters)} />
          <Fact name={texts.layers} value={count(state.value.layers)} />
          <Fact name={texts.heads} value={count(state.value.heads)} />
          <Fact name={texts.dim} value={count(state.value.dim)} />
          <Fact name={texts.contextLength} value={tokens(count(state.value.contextLength))} />
          <Fact name={texts.vocabSize} value={tokens(count(state.value.vocabSize))} />
        </dl>
      )}
    </Popover>
  );
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
