/** A value at a step of a run. */
export interface Point {
  readonly step: number;
  readonly value: number;
}

export interface Chart {
  readonly lines: string[];
  /** The values at the bottom and at the top. */
  readonly min: number;
  readonly largest: number;
}

/** A braille character has two columns of four dots; these are their bits, from the top. */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
];
const dotRows = 4;
const dotColumns = 2;

/**
 * A curve drawn with braille dots in `rows` lines of `columns` characters. The horizontal axis is the whole run, so
 * that the curve grows to the right; the vertical one reaches from the least value to the largest.
 */
export function drawCurve(points: readonly Point[], steps: number, columns: number, rows: number): Chart {
  const cells = Array.from({ length: rows }, () => new Uint8Array(columns));
  const heights = sample(points, steps, columns * dotColumns);
  const values = heights.filter((value) => value !== undefined);
  const min = Math.min(...values);
  const largest = Math.max(...values);
  const span = largest - min || 1;
  let previous: number | undefined;
  heights.forEach((value, x) => {
    if (value === undefined) return;
    const y = Math.round((1 - (value - min) / span) * (rows * dotRows - 1));
    // Neighbouring columns are joined by a vertical line.
    const from = previous === undefined ? y : previous + Math.sign(y - previous);
    for (let dot = Math.min(from, y); dot <= Math.max(from, y); dot++) {
      cells[Math.floor(dot / dotRows)][Math.floor(x / dotColumns)] |= dots[x % dotColumns][dot % dotRows];
    }
    previous = y;
  });
  const lines = cells.map((row) => Array.from(row, (bits) => String.fromCharCode(0x2800 + bits)).join(""));
  return { lines, min, largest };
}

/** The mean value of the points in each column; columns between two points take over the one before. */
function sample(points: readonly Point[], steps: number, columns: number): (number | undefined)[] {
  const sums = new Float64Array(columns);
  const counts = new Int32Array(columns);
  let last = -1;
  for (const { step, value } of points) {
    const column = Math.min(columns - 1, Math.max(0, Math.ceil((step / steps) * columns) - 1));
    sums[column] += value;
    counts[column]++;
    last = Math.max(last, column);
  }
  const heights: (number | undefined)[] = [];
  for (let column = 0; column <= last; column++) {
    heights.push(counts[column] > 0 ? sums[column] / counts[column] : heights[column - 1]);
  }
  return heights;
}
