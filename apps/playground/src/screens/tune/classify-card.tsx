import { engine } from "../../state/engine.ts";
import { percent, words } from "../../state/locale.ts";
import { tried } from "../../state/tune.ts";
import type { Run } from "../../state/tune.ts";
import { FailureNote } from "../../ui/failure-note.tsx";
import { useLatest } from "../../ui/use-latest.ts";

/** The likeliest labels that are shown. */
const shown = 8;

/** A text, classified while it is written, and again as the model learns. */
export function ClassifyCard({ run }: { readonly run: Run }) {
  const { tune } = words.value;
  const text = tried.value ?? "";
  const answer = useLatest(async () => (text.trim() === "" ? undefined : engine.ask("classifyTuned", text)), [text, run.evaluation, run.phase]);
  const found = answer.status === "ready" ? answer.value : undefined;
  return (
    <section class="card try" aria-labelledby="try-heading">
      <h2 id="try-heading">{tune.try}</h2>
      <textarea
        rows={2} dir="auto" spellcheck={false} maxLength={20_000} aria-label={tune.tryText} placeholder={tune.tryText} value={text}
        onInput={({ currentTarget }) => (tried.value = currentTarget.value)}
      />
      {answer.status === "failed" && text.trim() !== "" && <FailureNote failure={answer.failure} />}
      {found && (
        <>
          <ul class="probabilities">
            {found.labels.slice(0, shown).map(({ label, probability }) => (
              <li key={label}>
                <span class="name" title={label}>{label}</span>
                <span class="gauge" aria-hidden="true"><i style={{ inlineSize: `${100 * probability}%` }} /></span>
                <span>{percent(probability)}</span>
              </li>
            ))}
          </ul>
          {found.cut && <p class="warning">{tune.wasCut}</p>}
          <p class="soft about">{found.calibrated ? tune.calibrated : tune.uncalibrated}</p>
        </>
      )}
    </section>
  );
}
