import { useEffect, useRef } from "preact/hooks";
import { announce } from "../../state/announce.ts";
import { count, decimal, percent, words } from "../../state/locale.ts";
import { goOn, isBusy, stop } from "../../state/tune.ts";
import type { Run } from "../../state/tune.ts";
import { FailureNote } from "../../ui/failure-note.tsx";
import type { Point } from "../../ui/chart-scale.ts";
import { LossPlot } from "../../ui/loss-plot.tsx";
import { PassingButton } from "../../ui/passing-button.tsx";

/** Labels of which a grid is still read. */
const mostInGrid = 12;

/** How the run goes: losses, what the task measures, and the way to stop it. */
export function RunCard({ run }: { readonly run: Run }) {
  const { tune } = words.value;
  const heading = useRef<HTMLHeadingElement>(null);
  const { phase, steps, losses, validation, evaluation, pace, failure } = run;
  const step = losses.at(-1)?.step ?? 0;
  const state = phase === "finished" && !failure ? tune.finished : phase === "stopped" ? tune.stopped : undefined;
  const left = phase === "running" && pace !== undefined ? tune.remaining(tune.seconds((pace * (steps - step)) / 1000)) : undefined;
  useEffect(() => {
    if (state) announce(state);
  }, [state]);
  return (
    <section class="card run" aria-labelledby="run-heading">
      <header class="row">
        <h2 id="run-heading" ref={heading} tabIndex={-1}>{tune.run}</h2>
        <span class="soft">{[state, tune.running(count(step), count(steps)), left].filter(Boolean).join(" · ")}</span>
        {phase !== "finished" && (
          // One button, which keeps the focus until it goes.
          <PassingButton next={() => heading.current} disabled={phase === "stopped" && isBusy.value} onClick={() => void (phase === "running" ? stop() : goOn())}>
            {phase === "running" ? tune.stop : tune.goOn}
          </PassingButton>
        )}
      </header>
      <progress max={steps} value={step} aria-label={tune.run} />
      {failure && <FailureNote failure={failure} />}
      <figure aria-label={tune.chart}>
        <LossPlot series={[{ name: tune.loss, points: losses, evaluations: validation }]} steps={steps} />
        <p class="loss-legend soft">
          <span><i />{tune.loss}, {tune.training} <b>{lossAt(losses)}</b></span>
          <span><i class="validation" />{tune.loss}, {tune.validation} <b>{lossAt(validation)}</b></span>
        </p>
      </figure>
      {evaluation?.accuracy !== undefined && (
        <dl class="metrics">
          <div><dt>{tune.accuracy}</dt><dd>{percent(evaluation.accuracy)}</dd></div>
          <div><dt>{tune.f1}</dt><dd>{percent(evaluation.f1!)}</dd></div>
        </dl>
      )}
      {evaluation?.confusion && run.labels.length <= mostInGrid && <Confusion labels={run.labels} counts={evaluation.confusion} />}
      {evaluation?.answer && (
        <div class="answer">
          <h3>{tune.answer}</h3>
          <dl>
            <dt>{tune.asked}</dt><dd dir="auto">{evaluation.answer.asked}</dd>
            <dt>{tune.wanted}</dt><dd dir="auto">{evaluation.answer.wanted}</dd>
            <dt>{tune.written}</dt><dd dir="auto"><b>{evaluation.answer.written || "…"}</b></dd>
          </dl>
        </div>
      )}
      {phase === "finished" && !failure && validation.length === 0 && <p class="warning">{tune.noneKept}</p>}
      {validation.length > 0 && <Evaluations points={validation} />}
    </section>
  );
}

const lossAt = (points: readonly Point[]): string => (points.length > 0 ? decimal(points.at(-1)!.loss) : "");

/** Labels by what they were taken for. */
function Confusion({ labels, counts }: { readonly labels: readonly string[]; readonly counts: readonly (readonly number[])[] }) {
  const { tune } = words.value;
  return (
    <div class="confusion" role="region" tabIndex={0} aria-label={tune.confusion}>
      <table>
        <caption>{tune.confusion}</caption>
        <thead>
          <tr>
            <th scope="col">{tune.truth} ↓ · {tune.predicted} →</th>
            {labels.map((label) => <th key={label} scope="col">{label}</th>)}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, i) => {
            const total = row.reduce((sum, value) => sum + value, 0);
            return (
              <tr key={labels[i]}>
                <th scope="row">{labels[i]}</th>
                {row.map((value, j) => (
                  <td key={j} class={i === j ? "right" : ""} style={{ "--share": total === 0 ? 0 : value / total }}>{count(value)}</td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Evaluations({ points }: { readonly points: Run["validation"] }) {
  const { tune } = words.value;
  return (
    <details>
      <summary>{tune.table}</summary>
      <table class="points">
        <thead><tr><th scope="col">{tune.step}</th><th scope="col">{tune.loss}, {tune.validation}</th></tr></thead>
        <tbody>{points.map(({ step, loss }) => <tr key={step}><td>{count(step)}</td><td>{decimal(loss)}</td></tr>)}</tbody>
      </table>
    </details>
  );
}
