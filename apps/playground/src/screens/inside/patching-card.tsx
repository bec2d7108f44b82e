import { useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import type { Answer, Comparison, PatchEnds, PatchQuestion, PatchSite } from "../../engine/api/inside.ts";
import { engine, model } from "../../state/engine.ts";
import { longestText, text } from "../../state/inside.ts";
import { change, count, exact, exactPercent, percent, percentChange, words } from "../../state/locale.ts";
import { measure, otherText, patch, patchRun, setOtherText, site, stopPatching, target } from "../../state/patching.ts";
import type { PatchRun } from "../../state/patching.ts";
import { Choice } from "../../ui/choice.tsx";
import { FailureNote } from "../../ui/failure-note.tsx";
import { HeatMap } from "../../ui/heat-map.tsx";
import type { Cell, Place } from "../../ui/heat-map.tsx";
import { shortName } from "../../ui/readable.ts";
import { SavePicture } from "../../ui/save-picture.tsx";
import { useLatest } from "../../ui/use-latest.ts";
import { layerName, shortLayerName } from "./layer-name.ts";
import type { Seen } from "./seen.ts";

/** Activations of another text in the place of this one's. */
export function PatchingCard({ seen }: { readonly seen: Seen }) {
  const { inside } = words.value;
  const picture = useRef<SVGSVGElement>(null);
  const answer = useLatest(() => engine.ask("compare", text.value, otherText.value), [seen, otherText.value]);
  const found = answer.status === "ready" ? answer.value : undefined;
  const watched = found && watchedOf(found);
  // While a text is typed, the answer may be of the one before.
  const isOfThese = found?.tokens.map(({ id }) => id).join() === seen.ids.join();
  const question = found && watched && isOfThese && isEqualLength(found) ? questionOf(found, watched) : undefined;
  const open = model.value.status === "ready" ? model.value.value : undefined;
  const last = patchRun.value;
  const run = last && last.of === open && question && isSame(last.question, question) ? last : undefined;
  return (
    <section class="card patching" aria-label={inside.patching}>
      <header>
        <h2>{inside.patching}</h2>
        <SavePicture name="patching" of={() => picture.current} />
      </header>
      <p class="soft">{inside.patchingAbout}</p>
      <div class="patch-question">
        <textarea
          class="prompt" rows={1} dir="auto" spellcheck={false} maxLength={longestText} aria-label={inside.otherText} value={otherText.value}
          onInput={({ currentTarget }) => setOtherText(currentTarget.value)}
        />
        {answer.status === "failed" && open && <FailureNote failure={answer.failure} />}
        {found && <p class="soft small" role="status">{noteOn(found)}</p>}
        <div class="row">
          <Choice label={inside.site} names={inside.sites} value={site.value} onChoose={(name: PatchSite) => (site.value = name)} />
          <Choice label={inside.measure} names={inside.measures} value={measure.value} onChoose={(name) => (measure.value = name)} />
          {found && watched && <Target answers={found.answers} watched={watched} />}
        </div>
        <Actions run={run} rows={rowsOf(seen)} onPatch={open && question && (() => void patch(open, question, rowsOf(seen)))} />
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

interface ActionsProps {
  readonly run: PatchRun | undefined;
  readonly rows: number;
  /** Nothing, where there is nothing to be patched. */
  readonly onPatch: (() => void) | undefined;
}

function Actions({ run, rows, onPatch }: ActionsProps) {
  const { inside } = words.value;
  const done = run?.rows.filter(Boolean).length ?? 0;
  const isRunning = run?.status === "running";
  return (
    <div class="row">
      {isRunning ? (
        <button type="button" class="plain-button" onClick={() => void stopPatching()}>{inside.stop}</button>
      ) : (
        <button type="button" class="plain-button" disabled={!onPatch} onClick={onPatch}>{inside.compute}</button>
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
  const unit = measure.value;
  const cells = useMemo(() => {
    const nameOf = (row: number, column: number): string =>
      isStream ? inside.streamPlace(rows[row], layerName(column)) : inside.headPlace(rows[row], inside.block(count(column + 1)));
    const largest = run ? largestChange(run, unit) : leastChange[unit];
    return rows.map((_, row) => columns.map((_, column) => cellOf(nameOf(row, column), run?.ends && bothOf(run.ends, unit)[0], run?.rows[column]?.[unit][row], unit, largest)));
  }, [seen, run, unit, isStream, inside]);
  const place = chosen.value && chosen.value.row < rows.length && chosen.value.column < columns.length ? chosen.value : undefined;
  const { exactly } = formats[unit];
  const ends = run?.ends && bothOf(run.ends, unit);
  return (
    <div>
      <HeatMap
        name="patch" label={inside.patchMap} rows={rows} columns={columns} cells={cells} cellWidth={64} isDiverging strength={70} picture={picture}
        chosen={place} onChoose={(next) => (chosen.value = next)}
      />
      <p class="scale soft small" aria-hidden="true"><span>{inside.less}</span><i /><span>{inside.more}</span></p>
      <p class="reading" aria-live="polite">
        {place && run ? cells[place.row][place.column].label : ends ? inside.unpatched(name, exactly(ends[0]), exactly(ends[1])) : " "}
      </p>
    </div>
  );
}

const formats = { probabilities: { change: percentChange, exactly: exactPercent }, logits: { change, exactly: exact } } as const;
type Unit = keyof typeof formats;

/** What the answer is in this text and in the other, without a patch. */
function bothOf(ends: PatchEnds, unit: Unit): readonly [number, number] {
  return unit === "probabilities" ? [ends.probability, ends.otherProbability] : [ends.logit, ends.otherLogit];
}

/** Changes of less are shown as none. */
const leastChange = { probabilities: 5e-4, logits: 5e-3 } as const;

/** What the answer becomes by a patch, where it was `base`. */
function cellOf(place: string, base: number | undefined, value: number | undefined, unit: Unit, largest: number): Cell {
  const { inside } = words.value;
  if (base === undefined || value === undefined) return { heat: undefined, label: inside.notPatched(place) };
  const { change, exactly } = formats[unit];
  const difference = value - base;
  return {
    heat: difference / largest,
    text: Math.abs(difference) < leastChange[unit] ? "0" : change(difference),
    label: inside.patchedTo(place, exactly(base), exactly(value)),
  };
}

/** What has the full colour; no less than what is shown as a change at all. */
function largestChange({ ends, rows }: PatchRun, unit: Unit): number {
  const [base] = ends ? bothOf(ends, unit) : [0];
  return Math.max(leastChange[unit], ...rows.flatMap((row) => Array.from(row?.[unit] ?? [], (value) => Math.abs(value - base))));
}
