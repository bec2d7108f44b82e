/** A loss at a step of a run. */
export interface Point {
  readonly step: number;
  readonly loss: number;
}

export interface ChartData {
  /** Of the whole run: the horizontal axis. */
  readonly steps: number;
  /** By step; a curve. */
  readonly training: readonly Point[];
  /** By step; marks. */
  readonly validation: readonly Point[];
  /** The least loss that a model can expect, where it is known; a dotted line. */
  readonly floor?: number;
}

export type Series = "training" | "validation" | "floor";

/** Characters beside one another that belong to one series, or to none: then they are blank. */
export interface Span {
  readonly text: string;
  readonly series?: Series;
}

export interface Chart {
  readonly rows: readonly (readonly Span[])[];
  /** The losses at the top, in the middle, which is that of the logarithms, and at the bottom. */
  readonly labels: readonly [top: number, middle: number, bottom: number];
}

/** A braille character has two columns of four dots; these are their bits, from the top. */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
];
const dotRows = 4;
const dotColumns = 2;
const firstBraille = 0x2800;
const mark = "●";
/** Characters from one mark to the next, at least nearly: more marks would hide the curve. */
const markSpacing = 3;
/** What a loss is drawn as that is less, such as 0, which no logarithmic axis has. */
const leastLoss = 1e-6;
/** From the bottom to the top of the axis: less would show noise as a fall. */
const leastRatio = 1.02;

/**
 * Draws the losses of a run in `rows` lines of `columns` characters. The horizontal axis is the whole run, so that the
 * curve grows to the right. The vertical axis is logarithmic, so that the slow progress at the end shows as well as the
 * fall at the beginning; it reaches from the least to the largest of what is drawn.
 */
export function drawChart({ steps, training, validation, floor }: ChartData, columns: number, rows: number): Chart {
  const curve = heightsOf(training, steps, columns * dotColumns);
  const marks = marksOf(validation, steps, columns);
  const floorHeight = floor !== undefined && floor > 0 ? Math.log(floor) : undefined;
  const [bottom, top] = axis([...curve, ...marks.values(), floorHeight]);
  /** The row of dots at this height. */
  const dotRow = (height: number): number =>
    Math.round(((top - height) / (top - bottom)) * (rows * dotRows - 1));
  const cells = Array.from({ length: rows }, () => ({ bits: new Uint8Array(columns), floor: new Uint8Array(columns) }));
  if (floorHeight !== undefined) {
    const row = dotRow(floorHeight);
    cells[Math.floor(row / dotRows)].floor.fill(dots[0][row % dotRows]);
  }
  drawCurve(curve.map((height) => (height === undefined ? undefined : dotRow(height))), (x, row) => {
    cells[Math.floor(row / dotRows)].bits[Math.floor(x / dotColumns)] |= dots[x % dotColumns][row % dotRows];
  });
  const marked = new Map([...marks].map(([column, height]) => [column, Math.floor(dotRow(height) / dotRows)]));
  return {
    rows: cells.map(({ bits, floor }, row) =>
      joined(
        Array.from(bits, (dots, column): Span => {
          if (marked.get(column) === row) return { text: mark, series: "validation" };
          const text = String.fromCharCode(firstBraille + (dots | floor[column]));
          if (dots > 0) return { text, series: "training" };
          return floor[column] > 0 ? { text, series: "floor" } : { text: " " };
        }),
      ),
    ),
    labels: [Math.exp(top), Math.exp((top + bottom) / 2), Math.exp(bottom)],
  };
}

/** The logarithms at the bottom and at the top. */
function axis(heights: readonly (number | undefined)[]): [bottom: number, top: number] {
  let [bottom, top] = [Infinity, -Infinity];
  for (const height of heights) {
    if (height === undefined) continue;
    bottom = Math.min(bottom, height);
    top = Math.max(top, height);
  }
  if (bottom > top) return [0, Math.log(leastRatio)];
  const margin = Math.max(0, (Math.log(leastRatio) - (top - bottom)) / 2);
  return [bottom - margin, top + margin];
}

/** Points that can be drawn: their columns of `columns`, from 0, and the logarithms of their losses. */
function* placed(points: readonly Point[], steps: number, columns: number): Generator<[column: number, height: number]> {
  for (const { step, loss } of points) {
    if (!Number.isFinite(loss)) continue;
    const column = Math.min(columns - 1, Math.max(0, Math.ceil((step / steps) * columns) - 1));
    yield [column, Math.log(Math.max(loss, leastLoss))];
  }
}

/** The mean height of the points in each column; between two columns with points, a straight line. */
function heightsOf(points: readonly Point[], steps: number, columns: number): (number | undefined)[] {
  const sums = new Float64Array(columns);
  const counts = new Int32Array(columns);
  for (const [column, height] of placed(points, steps, columns)) {
    sums[column] += height;
    counts[column]++;
  }
  const heights: (number | undefined)[] = Array.from(sums, (sum, x) => (counts[x] > 0 ? sum / counts[x] : undefined));
  let last: number | undefined;
  heights.forEach((height, x) => {
    if (height === undefined) return;
    const from = last === undefined ? height : heights[last]!;
    for (let between = (last ?? x) + 1; between < x; between++) {
      heights[between] = from + ((height - from) * (between - last!)) / (x - last!);
    }
    last = x;
  });
  return heights;
}

/** The last height in each group of columns that has one mark, by its column. */
function marksOf(points: readonly Point[], steps: number, columns: number): Map<number, number> {
  const groups = new Map<number, [column: number, height: number]>();
  for (const point of placed(points, steps, columns)) groups.set(Math.floor(point[0] / markSpacing), point);
  return new Map(groups.values());
}

/** Sets the dots of a curve; neighbouring columns are joined by a vertical line. */
function drawCurve(rows: readonly (number | undefined)[], set: (x: number, row: number) => void): void {
  let previous: number | undefined;
  rows.forEach((row, x) => {
    if (row === undefined) return;
    const from = previous === undefined ? row : previous + Math.sign(row - previous);
    for (let dot = Math.min(from, row); dot <= Math.max(from, row); dot++) set(x, dot);
    previous = row;
  });
}

/** Neighbours of one series as one span. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    const last = result.at(-1);
    if (last && last.series === span.series) result[result.length - 1] = { ...last, text: last.text + span.text };
    else result.push(span);
  }
  return result;
}

/** Bins of a curve: as many as the columns of dots of a terminal that is wider than any. */
const bins = 4096;

/** The losses of a run, of any length, in memory that does not grow: means of the steps that fall together. */
export class Curve {
  readonly #steps: number;
  readonly #bins = new Map<number, { step: number; sum: number; count: number }>();

  constructor(steps: number) {
    this.#steps = steps;
  }

  add({ step, loss }: Point): void {
    const bin = Math.ceil((step / this.#steps) * bins);
    const { sum, count } = this.#bins.get(bin) ?? { sum: 0, count: 0 };
    this.#bins.set(bin, { step, sum: sum + loss, count: count + 1 });
  }

  get points(): Point[] {
    return Array.from(this.#bins.values(), ({ step, sum, count }) => ({ step, loss: sum / count }));
  }
}
