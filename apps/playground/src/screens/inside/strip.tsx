/** Steps of colour on either side of zero. */
const steps = 6;

interface StripProps {
  readonly values: Float32Array;
  /** The size of a value that has the full colour. */
  readonly scale: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Along which numbers follow one another. */
  readonly axis: "x" | "y";
  readonly title: string;
}

/** A vector: a cell for each number, blue below zero and orange above. Cells of one colour are one path, since there are many. */
export function Strip({ values, scale, x, y, width, height, axis, title }: StripProps) {
  const paths = new Map<number, string>();
  const length = (axis === "y" ? height : width) / values.length;
  values.forEach((value, i) => {
    const level = Math.round(Math.min(1, Math.abs(value) / scale) * steps) * Math.sign(value);
    if (level === 0 || Number.isNaN(level)) return;
    const at = (i * length).toFixed(2);
    const cell = axis === "y" ? `M${x} ${(y + Number(at)).toFixed(2)}h${width}v${length.toFixed(2)}h${-width}z` : `M${(x + Number(at)).toFixed(2)} ${y}h${length.toFixed(2)}v${height}h${(-length).toFixed(2)}z`;
    paths.set(level, (paths.get(level) ?? "") + cell);
  });
  return (
    <g class="strip">
      <title>{title}</title>
      <rect class="strip-ground" x={x} y={y} width={width} height={height} />
      {Array.from(paths, ([level, d]) => (
        <path key={level} class={level < 0 ? "minus" : "plus"} d={d} style={{ fillOpacity: Math.abs(level) / steps }} />
      ))}
    </g>
  );
}

/** The size that nearly all values are under: a few are far larger than the rest, and would leave no colour to it. */
export function scaleOf(vectors: readonly Float32Array[]): number {
  const sizes = Float32Array.from(vectors.flatMap((vector) => Array.from(vector, Math.abs))).sort();
  return sizes[Math.floor(0.97 * (sizes.length - 1))] || 1;
}
