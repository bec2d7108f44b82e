import { useRef } from "preact/hooks";
import type { Candidate, Outlook } from "../../engine/api/writing.ts";
import { engine, model } from "../../state/engine.ts";
import { count, percent, words } from "../../state/locale.ts";
import { branch, branchAt, chosen, controls, isFull, isNew, isWriting, prompt } from "../../state/write.ts";
import { FailureNote } from "../../ui/failure-note.tsx";
import { glyphsOf } from "../../ui/glyphs.ts";
import { Glyphs } from "../../ui/token-list.tsx";
import { useLatest } from "../../ui/use-latest.ts";
import { candidatesId, focusText } from "./focus.ts";
import { readable } from "../../ui/readable.ts";

/** What may stand in a place of the text, and what sampling makes of it: that of the chosen token, or the next one. */
export function NextToken() {
  const { write } = words.value;
  // A prompt that was changed is looked at alone.
  const tokens = isNew.value && !isWriting.value && chosen.value === undefined ? undefined : branch.value?.tokens;
  const index = chosen.value ?? tokens?.length;
  const standing = chosen.value === undefined ? undefined : tokens?.[chosen.value];
  // While the model writes, each token has another outlook: it is looked at when the text stands still.
  const isWaiting = model.value.status !== "ready" || (isWriting.value && chosen.value === undefined);
  const { maxTokens: _, seed: __, ...sampling } = controls.value;
  // A token stands behind the same ones in every branch that has it, so that it tells all of them.
  const place = index === undefined ? prompt.value : tokens?.[index - 1];
  /** What is shown, dimmed, until the text stands still. */
  const last = useRef<Omit<PictureProps, "isOld">>(undefined);
  const heading = useRef<HTMLHeadingElement>(null);
  const toNext = (): void => {
    chosen.value = undefined;
    // What was pressed is gone.
    heading.current?.focus();
  };
  const answer = useLatest(async () => {
    if (isWaiting || index === 0) return last.current;
    const before = tokens?.slice(0, index) ?? (await engine.ask("readPrompt", prompt.value));
    const outlook = await engine.ask("outlook", before.map(({ id }) => id), sampling, standing?.id);
    return (last.current = { standing: standing?.id, at: before.length, outlook });
  }, [model.value, isWaiting, place, standing, index, ...Object.values(sampling)]);
  return (
    <section class="card next" aria-labelledby="next-heading">
      <h2 id="next-heading" ref={heading} tabIndex={-1}>{standing ? write.insteadOf(readable([standing]).trim()) : write.next}</h2>
      {standing && <button type="button" class="plain-button" onClick={toNext}>{write.toNext}</button>}
      {model.value.status === "failed" ? (
        <FailureNote failure={model.value.failure} />
      ) : answer.status === "failed" ? (
        <FailureNote failure={answer.failure} />
      ) : chosen.value === 0 ? (
        <p class="soft">{write.nothingBefore}</p>
      ) : answer.status === "ready" && answer.value ? (
        <Picture {...answer.value} isOld={isWaiting || (index !== undefined && index !== answer.value.at)} />
      ) : (
        <p class="soft">{isWriting.value ? write.writing : words.value.model.loading}</p>
      )}
    </section>
  );
}

interface PictureProps {
  readonly standing: number | undefined;
  readonly at: number;
  readonly outlook: Outlook;
  readonly isOld: boolean;
}

function Picture({ standing, at, outlook: { candidates, drawable, vocabSize }, isOld }: PictureProps) {
  const { write } = words.value;
  const others = (name: "model" | "drawn"): number => Math.max(0, 1 - candidates.reduce((sum, candidate) => sum + candidate[name], 0));
  const canBranch = branch.value !== undefined && (chosen.value !== undefined || !(isNew.value || isFull.value));
  return (
    <>
      <p class="soft">{canBranch ? write.choose : write.first}</p>
      <ul id={candidatesId} class={isOld ? "old" : undefined}>
        {candidates.map((candidate) => (
          <li key={candidate.id}>
            <button
              type="button" class="candidate" disabled={!canBranch || isOld} aria-current={candidate.id === standing ? "true" : undefined}
              onClick={() => {
                void branchAt(at, candidate);
                // The candidates are others soon.
                focusText();
              }}
            >
              <span class="name"><Glyphs glyphs={glyphsOf(candidate.bytes)} /></span>
              <Bars {...candidate} />
            </button>
          </li>
        ))}
        <li class="candidate rest">
          <span class="name">{write.others}</span>
          <Bars model={others("model")} drawn={others("drawn")} />
        </li>
      </ul>
      <p class="legend soft">
        <span><i class="before" />{write.before}</span>
        <span><i class="after" />{write.after}</span>
        <span>{write.drawable(count(drawable), count(vocabSize))}</span>
      </p>
    </>
  );
}

function Bars({ model, drawn }: Pick<Candidate, "model" | "drawn">) {
  const { write } = words.value;
  return (
    <>
      <span class="bars" aria-hidden="true">
        <i class="before" style={{ inlineSize: `${100 * model}%` }} />
        <i class="after" style={{ inlineSize: `${100 * drawn}%` }} />
      </span>
      <span class="numbers">
        <span class="soft"><span class="visually-hidden">{write.before} </span>{percent(model)}</span>
        <strong><span class="visually-hidden">{write.after} </span>{percent(drawn)}</strong>
      </span>
    </>
  );
}
