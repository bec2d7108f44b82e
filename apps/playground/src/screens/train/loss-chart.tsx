import type { RunHistory } from "../../engine/api/training.ts";
import { count, decimal, short, small, words } from "../../state/locale.ts";
import { compared } from "../../state/runs.ts";
import { setup, shown } from "../../state/train.ts";
import { SavePicture } from "../../ui/save-picture.tsx";
import { useWidth } from "../../ui/use-width.ts";
import { pathOf, ticks } from "./chart-scale.ts";
import type { Point } from "./chart-scale.ts";

const height = 260;
const margin = { top: 8, right: 12, bottom: 24, left: 40 };
/** Rows of the table. */
const tableRows = 12;

interface Series extends Pick<RunHistory, "points"> {
  readonly name: string;
  readonly evaluations: readonly Point[];
  readonly look: string;
}

/** How the losses fall: of the run that is shown, and of those that it is compared with. */
export function LossChart() {
  const { train: { chart } } = words.value;
  const { element, width } = useWidth<HTMLDivElement>();
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
        {width > 0 && <Plot series={series} steps={run?.steps ?? setup.value.steps} width={width} />}
        {series.every(({ points }) => points.length === 0) && <p class="soft empty">{chart.none}</p>}
      </div>
      <p class="legend soft">
        <span><i class="training" />{chart.training}</span>
        <span><i class="validation" />{chart.validation}</span>
        {others.map(([name], i) => <span key={name}><i class={`other-${i}`} />{name}</span>)}
      </p>
      {run && run.points.length > 0 && <Table points={run.points} evaluations={series.at(-1)!.evaluations} />}
    </figure>
  );
}

function seriesOf(name: string, { points, moments }: RunHistory, look: string): Series {
  return { name, points, look, evaluations: moments.flatMap(({ step, loss }) => (loss === null ? [] : [{ step, loss }])) };
}

function Plot({ series, steps, width }: { readonly series: readonly Series[]; readonly steps: number; readonly width: number }) {
  const all = series.flatMap(({ points, evaluations }) => [...points, ...evaluations]);
  const last = all.reduce((most, { step }) => Math.max(most, step), Math.max(steps, 1));
  const [low, high] = [all.reduce((least, { loss }) => Math.min(least, loss), Infinity), all.reduce((most, { loss }) => Math.max(most, loss), 0)];
  const [bottom, top] = high > 0 ? [Math.max(0, low - 0.08 * (high - low)), high] : [0, 8];
  const x = (step: number): number => margin.left + (step / last) * (width - margin.left - margin.right);
  const y = (loss: number): number => margin.top + ((top - loss) / (top - bottom || 1)) * (height - margin.top - margin.bottom);
  return (
    <svg width={width} height={height} aria-hidden="true">
      {ticks(bottom, top, 5).map((loss) => (
        <g key={loss}>
          <line class="grid" x1={margin.left} x2={width - margin.right} y1={y(loss)} y2={y(loss)} />
          <text x={margin.left - 8} y={y(loss)} dy="0.32em" text-anchor="end">{small(loss)}</text>
        </g>
      ))}
      {ticks(0, last, Math.max(2, Math.floor(width / 110))).map((step) => (
        <text key={step} x={x(step)} y={height - 6} text-anchor={step === 0 ? "start" : step > 0.97 * last ? "end" : "middle"}>{short(step)}</text>
      ))}
      {series.map(({ name, points, evaluations, look }) => (
        <g key={name} class={look}>
          <path class="training" d={pathOf(points, x, y)} />
          <path class="validation" d={pathOf(evaluations, x, y)} />
          {evaluations.map(({ step, loss }) => <circle key={step} cx={x(step)} cy={y(loss)} r={2.5} />)}
        </g>
      ))}
    </svg>
  );
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
