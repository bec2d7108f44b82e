import { short, small } from "../state/locale.ts";
import { pathOf, ticks } from "./chart-scale.ts";
import type { Point } from "./chart-scale.ts";
import { useWidth } from "./use-width.ts";
import "./loss-plot.css";

const height = 260;
const margin = { top: 8, right: 12, bottom: 24, left: 40 };

/** The losses of a run: of its steps, and of its evaluations. */
export interface LossSeries {
  readonly name: string;
  /** Classes by which a series is drawn otherwise. */
  readonly look?: string;
  readonly points: readonly Point[];
  readonly evaluations: readonly Point[];
}

interface LossPlotProps {
  readonly series: readonly LossSeries[];
  /** Those of the whole run. */
  readonly steps: number;
}

/** Losses by step. What it shows is said beside it. */
export function LossPlot(props: LossPlotProps) {
  const { element, width } = useWidth<HTMLDivElement>();
  return <div ref={element} class="loss-plot">{width > 0 && <Plot {...props} width={width} />}</div>;
}

function Plot({ series, steps, width }: LossPlotProps & { readonly width: number }) {
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
