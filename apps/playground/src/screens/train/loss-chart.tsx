import { useRef } from "preact/hooks";
import type { RunHistory } from "../../engine/api/training.ts";
import { count, decimal, words } from "../../state/locale.ts";
import { compared } from "../../state/runs.ts";
import { setup, shown } from "../../state/train.ts";
import type { Point } from "../../ui/chart-scale.ts";
import { LossPlot } from "../../ui/loss-plot.tsx";
import type { LossSeries } from "../../ui/loss-plot.tsx";
import { SavePicture } from "../../ui/save-picture.tsx";

/** Rows of the table. */
const tableRows = 12;

/** How the losses fall: of the run that is shown, and of those that it is compared with. */
export function LossChart() {
  const { train: { chart } } = words.value;
  const element = useRef<HTMLDivElement>(null);
  const run = shown.value;
  const others = Array.from(compared.value).filter(([name]) => name !== run?.name);
  const series = [
    ...others.map(([name, history], i) => seriesOf(name, history, `other other-${i}`)),
    ...(run ? [seriesOf(run.name, run, "own")] : []),
  ];
  return (
    <figure class="chart" aria-label={chart.heading}>
      <figcaption>
        <div class="row">
          <h2>{chart.heading}</h2>
          {run && <SavePicture name={`loss-${run.name}`} of={() => element.current?.querySelector("svg")} />}
        </div>
        <p class="soft about">{chart.about}</p>
      </figcaption>
      <div ref={element} class="plot">
        <LossPlot series={series} steps={run?.steps ?? setup.value.steps} />
        {series.every(({ points }) => points.length === 0) && <p class="soft empty">{chart.none}</p>}
      </div>
      <p class="loss-legend soft">
        <span><i class="training" />{chart.training}</span>
        <span><i class="validation" />{chart.validation}</span>
        {others.map(([name], i) => <span key={name}><i class={`other-${i}`} />{name}</span>)}
      </p>
      {run && run.points.length > 0 && <Table points={run.points} evaluations={series.at(-1)!.evaluations} />}
    </figure>
  );
}

function seriesOf(name: string, { points, moments }: RunHistory, look: string): LossSeries {
  return { name, points, look, evaluations: moments.flatMap(({ step, loss }) => (loss === null ? [] : [{ step, loss }])) };
}

/** The same in numbers, some of them. */
function Table({ points, evaluations }: { readonly points: readonly Point[]; readonly evaluations: readonly Point[] }) {
  const { train: { chart, runs } } = words.value;
  const every = Math.ceil(points.length / tableRows);
  const rows = points.filter((_, i) => (points.length - 1 - i) % every === 0);
  const validationAt = (step: number): number | undefined => evaluations.findLast((evaluation) => evaluation.step <= step)?.loss;
  return (
    <details>
      <summary class="soft">{chart.table}</summary>
      <table class="numbers">
        <thead><tr><th scope="col">{chart.step}</th><th scope="col">{runs.loss}</th><th scope="col">{runs.validation}</th></tr></thead>
        <tbody>
          {rows.map(({ step, loss }) => {
            const validation = validationAt(step);
            return <tr key={step}><td>{count(step)}</td><td>{decimal(loss)}</td><td>{validation === undefined ? "" : decimal(validation)}</td></tr>;
          })}
        </tbody>
      </table>
    </details>
  );
}
