import "./line-chart.css";

export type ChartPoint = readonly [x: number, y: number];

export interface ChartSeries {
  readonly name: string;
  /** How it is drawn: a line alone, or one with dots, in the colour of what counts. */
  readonly look: "faint" | "strong";
  readonly points: readonly ChartPoint[];
}

interface LineChartProps {
  /** What it shows, for those who do not see it. */
  readonly label: string;
  readonly series: readonly ChartSeries[];
  /** Where the axis ends. */
  readonly end: number;
  readonly format: (value: number) => string;
  readonly formatX: (value: number) => string;
}

/** Points that are drawn of a series: no screen shows more. */
const mostDrawn = 600;
const [width, height] = [1000, 100];

/** Values over steps. */
export function LineChart({ label, series, end, format, formatX }: LineChartProps) {
  const values = series.flatMap(({ points }) => points.map(([, y]) => y).filter(Number.isFinite));
  const [low, high] = values.length > 0 ? rangeOf(values) : [0, 1];
  const place = ([x, y]: ChartPoint): string => `${((x / end) * width).toFixed(1)} ${((1 - (y - low) / (high - low)) * height).toFixed(2)}`;
  const last = series.map(({ name, points }) => [name, points.at(-1)] as const).filter(([, point]) => point);
  const summary = last.map(([name, point]) => `${name} ${format(point![1])}`).join(", ");
  return (
    <figure class="line-chart">
      <div class="plot">
        <span class="high" aria-hidden="true">{format(high)}</span>
        <span class="low" aria-hidden="true">{format(low)}</span>
        <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={summary ? `${label}. ${summary}` : label}>
          <path class="grid" d={`M0 0H${width}M0 ${height / 2}H${width}M0 ${height}H${width}`} />
          {series.map(({ name, look, points }) => {
            const drawn = thinned(points.filter(([, y]) => Number.isFinite(y))).map(place);
            return (
              <g key={name} class={look}>
                {drawn.length > 1 && <path d={`M${drawn.join("L")}`} />}
                {look === "strong" && <path class="dots" d={drawn.map((at) => `M${at}h0`).join("")} />}
              </g>
            );
          })}
        </svg>
        <span class="end" aria-hidden="true">{formatX(end)}</span>
      </div>
      <figcaption>
        {series.map(({ name, look, points }) => (
          <span key={name}><i class={look} />{name} {points.length > 0 && <b>{format(points.at(-1)![1])}</b>}</span>
        ))}
      </figcaption>
    </figure>
  );
}

/** From nothing, or near the lowest where all is far from that. */
function rangeOf(values: readonly number[]): [low: number, high: number] {
  const [least, most] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const low = least > 0 && least < most / 2 ? 0 : least - (most - least) * 0.1;
  return most > low ? [low, most] : [low - 0.5, low + 0.5];
}

/** Means of as many points as there is room for. */
function thinned(points: readonly ChartPoint[]): readonly ChartPoint[] {
  const step = Math.ceil(points.length / mostDrawn);
  if (step <= 1) return points;
  return Array.from({ length: Math.ceil(points.length / step) }, (_, i) => {
    const part = points.slice(i * step, (i + 1) * step);
    return [part.at(-1)![0], part.reduce((sum, [, y]) => sum + y, 0) / part.length];
  });
}
