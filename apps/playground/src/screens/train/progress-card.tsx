import { useRef } from "preact/hooks";
import type { RefObject } from "preact";
import type { RunSummary } from "../../engine/api/training.ts";
import { backend } from "../../state/engine.ts";
import { count, small, words } from "../../state/locale.ts";
import { runs } from "../../state/runs.ts";
import { begin, goOnWith, isPaused, isTraining, outcome, pause, rateFactor, setRateFactor, shown, stage, stop, takeAlong, unkept, unsaved } from "../../state/train.ts";
import { FailureNote } from "../../ui/failure-note.tsx";
import { PassingButton } from "../../ui/passing-button.tsx";
import { Slider } from "../../ui/slider.tsx";
import { LossChart } from "./loss-chart.tsx";
import { facts, statusNote } from "./status.ts";
import { writeWith } from "./write-with.ts";

/** Starts and stops, and shows how the loss falls. */
export function ProgressCard() {
  const { train } = words.value;
  const main = useRef<HTMLButtonElement>(null);
  const ended = outcome.value;
  const waiting = isTraining.value || shown.value ? undefined : interrupted();
  return (
    <section class="card progress" aria-label={train.progress}>
      <Actions main={main} />
      {waiting && (
        <div class="row offer">
          <span>{train.interrupted(waiting.name, count(waiting.step), count(waiting.steps))}</span>
          <PassingButton next={() => main.current} disabled={backend.value.status !== "ready"} onClick={() => void goOnWith(waiting.name)}>{train.goOn}</PassingButton>
        </div>
      )}
      {ended?.status === "failed" && <FailureNote failure={ended.failure} />}
      {unsaved.value !== undefined && <p class="failure" role="alert">{isTraining.value ? train.unsaved : train.unsavedAtEnd}{hasRuns() && ` ${train.makeRoom}`}</p>}
      {unkept.value && <Unkept {...unkept.value} main={main} />}
      <Course />
      {isTraining.value && <RateSlider />}
      <LossChart />
    </section>
  );
}

/** What can be done with a model that the browser does not keep. */
function Unkept({ run, step, prompt, main }: { readonly run: string; readonly step: number; readonly prompt: string | undefined; readonly main: Main }) {
  const { train } = words.value;
  return (
    <div class="row offer">
      <span>{train.unkept(run, count(step))}</span>
      <PassingButton next={() => main.current} onClick={() => void writeWith(run, prompt)}>{train.runs.write}</PassingButton>
      <PassingButton next={() => main.current} onClick={() => void takeAlong()}>{train.runs.model}</PassingButton>
    </div>
  );
}

function hasRuns(): boolean {
  return runs.value.status === "ready" && runs.value.value.length > 0;
}

/** The run that was left last, before its end. */
function interrupted(): RunSummary | undefined {
  if (runs.value.status !== "ready") return undefined;
  const [newest] = runs.value.value;
  return newest && !newest.inUse && newest.step < newest.steps ? newest : undefined;
}

type Main = RefObject<HTMLButtonElement | null>;

/** One button begins, waits and goes on: it keeps the focus, which one that is disabled would lose. */
function Actions({ main }: { readonly main: Main }) {
  const { train } = words.value;
  const canBegin = backend.value.status === "ready";
  const canPause = stage.value === undefined;
  return (
    <div class="row">
      {!isTraining.value ? (
        <button ref={main} type="button" class="main-button" disabled={!canBegin} onClick={() => void begin()}>{shown.value ? train.again : train.start}</button>
      ) : (
        <button ref={main} type="button" class="main-button" aria-disabled={!canPause} onClick={() => canPause && void pause(!isPaused.value)}>
          {isPaused.value ? train.goOn : train.pause}
        </button>
      )}
      {isTraining.value && <PassingButton next={() => main.current} onClick={() => void stop()}>{train.stop}</PassingButton>}
      <span class="status soft">{statusNote()}</span>
    </div>
  );
}

/** How far the run is. */
function Course() {
  const { train } = words.value;
  const run = shown.value;
  if (!run && !stage.value) return null;
  const share = run ? run.step / run.steps : (stage.value?.share ?? 0);
  return (
    <div class="course">
      <div class="meter" role="progressbar" aria-label={train.progress} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * share)}>
        <i style={{ inlineSize: `${100 * share}%` }} />
      </div>
      <p class="soft facts-line">{run && <strong>{run.name}</strong>}{facts().map((fact) => <span key={fact}>{fact}</span>)}</p>
    </div>
  );
}

function RateSlider() {
  const { train } = words.value;
  const rate = shown.value?.points.at(-1)?.rate ?? 0;
  return (
    <Slider
      name={train.rate} shown={train.rateTimes(small(rateFactor.value), small(rate))} min={-4} max={3} step={0.5}
      value={Math.log2(rateFactor.value)} onChange={(power) => setRateFactor(2 ** power)}
    />
  );
}
