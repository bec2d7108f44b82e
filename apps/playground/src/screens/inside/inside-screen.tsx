import { useMemo, useRef } from "preact/hooks";
import type { Lens } from "../../engine/api/inside.ts";
import { engine, model } from "../../state/engine.ts";
import type { Loading } from "../../state/engine.ts";
import { followed, text } from "../../state/inside.ts";
import { words } from "../../state/locale.ts";
import { FailureNote } from "../../ui/failure-note.tsx";
import { useLatest } from "../../ui/use-latest.ts";
import { Composer } from "./composer.tsx";
import { ExpertsCard } from "./experts-card.tsx";
import { LensCard } from "./lens-card.tsx";
import { NormsCard } from "./norms-card.tsx";
import { PatchingCard } from "./patching-card.tsx";
import { PictureCard } from "./picture-card.tsx";
import { Seen } from "./seen.ts";
import "./inside-screen.css";

/** What was computed of the text: the model's own numbers, and of the newest text that there is an answer to. */
export function InsideScreen() {
  const { inside } = words.value;
  const { seen, lens, count, failure } = useSeen();
  const token = seen && Math.min(followed.value ?? seen.count - 1, seen.count - 1);
  // What is typed changes nothing here before there is an answer to it.
  const found = useMemo(() => seen && token !== undefined && (
    <>
      <PictureCard {...{ seen, lens, token }} />
      <div class="cards">
        <LensCard {...{ seen, lens, token }} />
        <NormsCard {...{ seen, token }} />
        <PatchingCard seen={seen} />
        <ExpertsCard {...{ seen, token }} />
      </div>
    </>
  ), [seen, lens, token]);
  return (
    <div class="screen inside">
      <div class="intro">
        <h1>{inside.heading}</h1>
        <p class="soft">{inside.lead}</p>
      </div>
      <Composer seen={seen} count={count} token={token} />
      {failure && <FailureNote failure={failure} />}
      {found || (
        <div class="card waiting"><p class="soft">{model.value.status === "ready" ? inside.loading : words.value.model.loading}</p></div>
      )}
    </div>
  );
}

interface Found {
  readonly seen?: Seen;
  /** Of the same tokens. */
  readonly lens?: Lens;
  readonly count: number;
  readonly failure?: { readonly code: string; readonly message: string };
}

/** Asks the engine as the text, or the model, changes. What was seen last stays while there is nothing newer, or while a text fails. */
function useSeen(): Found {
  const open = model.value.status === "ready" ? model.value.value : undefined;
  const answer = useLatest(async () => (open ? engine.ask("inspect", text.value) : undefined), [text.value, open]);
  const inspection = useLastOf(answer);
  const seen = useMemo(() => inspection && new Seen(inspection), [inspection]);
  const lens = useLatest(async () => (inspection ? engine.ask("lens", inspection.tokens.map(({ id }) => id)) : undefined), [inspection]);
  const failure = [model.value, answer, lens].find((state) => state.status === "failed")?.failure;
  const value = lens.status === "ready" ? lens.value : undefined;
  const isOfThese = value && inspection && value.of.join() === inspection.tokens.map(({ id }) => id).join();
  return { seen, lens: isOfThese ? value : undefined, count: inspection?.count ?? 0, failure };
}

/** The last answer that there was, while there is none or a failure. */
function useLastOf<T>(state: Loading<T | undefined>): T | undefined {
  const last = useRef<T>(undefined);
  if (state.status === "ready" && state.value !== undefined) last.current = state.value;
  return last.current;
}
