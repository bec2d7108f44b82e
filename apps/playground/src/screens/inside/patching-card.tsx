import { useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { Answer, Comparison, PatchQuestion, PatchSite } from "../../engine/api/inside.ts";
import { engine } from "../../state/engine.ts";
import { text } from "../../state/inside.ts";
import { count, decimal, exact, exactPercent, percent, words } from "../../state/locale.ts";
import { measure, otherText, patch, patchRun, setOtherText, site, stopPatching, target } from "../../state/patching.ts";
import type { PatchRun } from "../../state/patching.ts";
import { Choice } from "../../ui/choice.tsx";
import { FailureNote } from "../../ui/failure-note.tsx";
import { HeatMap } from "../../ui/heat-map.tsx";
import type { Place } from "../../ui/heat-map.tsx";
import { shortName } from "../../ui/readable.ts";
import { SavePicture } from "../../ui/save-picture.tsx";
import { useLatest } from "../../ui/use-latest.ts";
import { layerName, shortLayerName } from "./layer-name.ts";
import type { Seen } from "./seen.ts";

const longestText = 20_000;

/** Activations of another text in the place of this one's. */
export function PatchingCard({ seen }: { readonly seen: Seen }) {
  const { inside } = words.value;
  const picture = useRef<SVGSVGElement>(null);
  const answer = useLatest(() => engine.ask("compare", text.value, otherText.value), [seen, otherText.value]);
  const found = answer.status === "ready" ? answer.value : undefined;
  const watched = found && watchedOf(found);
  const question = found && watched && isEqualLength(found) ? questionOf(found, watched) : undefined;
  const run = patchRun.value && question && isSame(patchRun.value.question, question) ? patchRun.value : undefined;
  return (
    <section class="card patching" aria-label={inside.patching}>
      <header>
        <h2>{inside.patching}</h2>
        <SavePicture name="patching" of={() => picture.current} />
      </header>
      <p class="soft">{inside.patchingAbout}</p>
      <div class="patch-question">
        <textarea
          rows={1} dir="auto" spellcheck={false} maxLength={longestText} aria-label={inside.otherText} value={otherText.value}
          onInput={({ currentTarget }) => setOtherText(currentTarget.value)}
        />
        {answer.status === "failed" && <FailureNote failure={answer.failure} />}
        {found && <p class="soft small" role="status">{noteOn(found)}</p>}
        <div class="row">
          <Choice label={inside.site} names={inside.sites} value={site.value} onChoose={(name: PatchSite) => (site.value = name)} />
          <Choice label={inside.measure} names={inside.measures} value={measure.value} onChoose={(name) => (measure.value = name)} />
          {found && watched && <Target answers={found.answers} watched={watched} />}
        </div>
        <Actions question={question} run={run} rows={rowsOf(seen)} />
        {run?.failure && <FailureNote failure={run.failure} />}
      </div>
      <PatchMap seen={seen} run={run} name={watched ? shortName(watched.bytes) : ""} picture={picture} />
    </section>
  );
}

/** How many rows a map has, for the engine: columns of the picture. */
function rowsOf({ config: { blocks } }: Seen): number {
  return blocks.length + (site.value === "stream" ? 1 : 0);
}

/** The answer that is watched: the one chosen, or what the other text makes likelier than any other. */
function watchedOf({ answers }: Comparison): Answer | undefined {
  const chosen = answers.find(({ id }) => id === target.value);
  const gain = ({ probability, otherProbability }: Answer): number => otherProbability - probability;
  return chosen ?? answers.toSorted((a, b) => gain(b) - gain(a))[0];
}

function isEqualLength({ tokens, other }: Comparison): boolean {
  return tokens.length === other.length;
}

function questionOf({ tokens, other }: Comparison, { id }: Answer): PatchQuestion {
  return { ids: tokens.map((token) => token.id), source: other.map((token) => token.id), target: id, site: site.value };
}

function isSame(a: PatchQuestion, b: PatchQuestion): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function noteOn(found: Comparison): string {
  const { inside } = words.value;
  const { tokens, other } = found;
  if (!isEqualLength(found)) return inside.unequal(count(tokens.length), count(other.length));
  return tokens.every(({ id }, i) => id === other[i].id) ? inside.same : inside.equal(count(tokens.length));
}

function Target({ answers, watched }: { readonly answers: readonly Answer[]; readonly watched: Answer }) {
  const { inside } = words.value;
  return (
    <label class="target">
      <span>{inside.answer}</span>
      <select value={watched.id} onChange={({ currentTarget: { value } }) => (target.value = Number(value))}>
        {answers.map(({ id, bytes, probability, otherProbability }) => (
          <option key={id} value={id}>{inside.answerIs(shortName(bytes), percent(probability), percent(otherProbability))}</option>
        ))}
      </select>
    </label>
  );
}

function Actions({ question, run, rows }: { readonly question: PatchQuestion | undefined; readonly run: PatchRun | undefined; readonly rows: number }) {
  const { inside } = words.value;
  const done = run?.rows.filter(Boolean).length ?? 0;
  const isRunning = run?.status === "running";
  return (
    <div class="row">
      {isRunning ? (
        <button type="button" class="plain-button" onClick={() => void stopPatching()}>{inside.stop}</button>
      ) : (
        <button type="button" class="plain-button" disabled={!question} onClick={() => question && void patch(question, rows)}>{inside.compute}</button>
      )}
      <progress aria-label={inside.compute} max={rows} value={done} />
      <span class="soft small">{inside.progress(count(done), count(rows))}</span>
    </div>
  );
}

interface PatchMapProps {
  readonly seen: Seen;
  readonly run: PatchRun | undefined;
  /** Of the watched answer. */
  readonly name: string;
  readonly picture: preact.Ref<SVGSVGElement>;
}

function PatchMap({ seen, run, name, picture }: PatchMapProps) {
  const { inside } = words.value;
  const chosen = useSignal<Place | undefined>(undefined);
  const isStream = site.value === "stream";
  const heads = Math.max(...seen.config.blocks.map(({ attention }) => attention.heads));
  const rows = isStream ? seen.names : Array.from({ length: heads }, (_, head) => inside.head(count(head + 1)));
  const columns = Array.from({ length: rowsOf(seen) }, (_, i) => (isStream ? shortLayerName(i) : count(i + 1)));
  const isProbability = measure.value === "probabilities";
  const [show, showExactly] = isProbability ? [percent, exactPercent] : [decimal, exact];
  const ends = run?.ends && (isProbability ? [run.ends.probability, run.ends.otherProbability] : [run.ends.logit, run.ends.otherLogit]);
  const base = ends?.[0] ?? 0;
  const valueAt = ({ row, column }: Place): number | undefined => run?.rows[column]?.[measure.value][row];
  const largest = Math.max(1e-6, ...(run?.rows ?? []).flatMap((row) => Array.from(row?.[measure.value] ?? [], (value) => Math.abs(value - base))));
  const nameOf = ({ row, column }: Place): string =>
    isStream ? inside.streamPlace(seen.names[row], layerName(column)) : inside.headPlace(inside.head(count(row + 1)), inside.block(count(column + 1)));
  const labelOf = (place: Place): string => {
    const value = valueAt(place);
    return value === undefined ? inside.notPatched(nameOf(place)) : inside.patchedTo(nameOf(place), showExactly(base), showExactly(value));
  };
  const place = chosen.value && chosen.value.row < rows.length && chosen.value.column < columns.length ? chosen.value : undefined;
  return (
    <div>
      <HeatMap
        name="patch" label={inside.patchMap} rows={rows} columns={columns} cellWidth={64} isDiverging strength={70} picture={picture}
        chosen={place} onChoose={(next) => (chosen.value = next)}
        cell={(row, column) => {
          const value = valueAt({ row, column });
          const label = labelOf({ row, column });
          if (value === undefined) return { heat: undefined, label };
          const change = value - base;
          return { heat: change / largest, text: Math.abs(change) < 5e-4 ? "0" : `${change > 0 ? "+" : ""}${show(change)}`, label };
        }}
      />
      <p class="scale soft small" aria-hidden="true"><span>{inside.less}</span><i /><span>{inside.more}</span></p>
      <p class="reading" aria-live="polite">
        {place && run ? labelOf(place) : ends ? inside.unpatched(name, showExactly(ends[0]), showExactly(ends[1])) : " "}
      </p>
    </div>
  );
}
