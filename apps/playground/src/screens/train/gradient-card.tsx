import { useMemo, useRef } from "preact/hooks";
import type { StepPoint } from "../../engine/api/training.ts";
import { small, words } from "../../state/locale.ts";
import { shown } from "../../state/train.ts";
import { Raster } from "../../ui/raster.tsx";
import { SavePicture } from "../../ui/save-picture.tsx";

/** Columns of the picture: a point of a run falls into one of them. */
const columns = 96;
/** What is weakest is still seen. */
const faintest = 0.06;

/** How strongly each part of the model is pushed, over the steps. */
export function GradientCard() {
  const { train: { gradients } } = words.value;
  const { points = [], steps = 1 } = shown.value ?? {};
  const rows = points.at(-1)?.norms.length ?? 0;
  const element = useRef<HTMLCanvasElement>(null);
  const at = useMemo(() => shadesOf(points, steps), [points, steps]);
  const names = Array.from({ length: rows }, (_, row) => (row === 0 ? gradients.embedding : row === rows - 1 ? gradients.head : gradients.block(`${row}`)));
  const now = names.map((name, row) => gradients.text(name, small(points.at(-1)!.norms[row]))).join("; ");
  return (
    <section class="card gradients" aria-labelledby="gradients-heading">
      <header>
        <div class="row">
          <h2 id="gradients-heading">{gradients.heading}</h2>
          {rows > 0 && <SavePicture name={`gradients-${shown.value!.name}`} of={() => element.current} isCanvas />}
        </div>
        <p class="soft about">{gradients.about}</p>
      </header>
      {rows === 0 ? <p class="soft">{gradients.none}</p> : (
        <div class="rows" style={{ "--rows": rows }}>
          <div class="names" aria-hidden="true">{names.map((name) => <span key={name}>{name}</span>)}</div>
          <Raster rows={rows} columns={columns} at={at} label={now} element={element} />
          <div class="values" aria-hidden="true">{names.map((name, row) => <span key={name}>{small(points.at(-1)!.norms[row])}</span>)}</div>
        </div>
      )}
    </section>
  );
}

/** The shade of each cell: the logarithm of the mean norm there, between the least and the largest of the run. */
function shadesOf(points: readonly StepPoint[], steps: number): (row: number, column: number) => number | undefined {
  const cells = new Map<number, { sum: number[]; count: number }>();
  for (const { step, norms } of points) {
    const column = Math.min(columns - 1, Math.floor(((step - 1) / steps) * columns));
    const cell = cells.get(column) ?? { sum: norms.map(() => 0), count: 0 };
    norms.forEach((norm, row) => (cell.sum[row] += norm));
    cell.count++;
    cells.set(column, cell);
  }
  const logs = new Map(Array.from(cells, ([column, { sum, count }]) => [column, sum.map((value) => Math.log(Math.max(value / count, 1e-12)))]));
  const all = [...logs.values()].flat();
  const [least, most] = [Math.min(...all), Math.max(...all)];
  // A run of fewer steps than columns has a step over several.
  const width = Math.max(1, Math.ceil(columns / steps));
  return (row, column) => {
    const log = (logs.get(column) ?? logs.get(column - (column % width)))?.[row];
    return log === undefined ? undefined : faintest + (1 - faintest) * ((log - least) / (most - least || 1));
  };
}
