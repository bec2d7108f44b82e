import { useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { percent, words } from "../../state/locale.ts";
import { moment, shown } from "../../state/train.ts";
import { plain } from "../../ui/glyphs.ts";
import { nameRoom, PatternMap } from "../../ui/pattern-map.tsx";
import { SavePicture } from "../../ui/save-picture.tsx";
import { useWidth } from "../../ui/use-width.ts";

interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Queries that have few to look at. */
const first = 3;

/** Where one head looks, as it learns to. */
export function AttentionCard() {
  const { train: { attention } } = words.value;
  const [layer, head] = [useSignal(0), useSignal(0)];
  const pointed = useSignal<Cell | undefined>(undefined);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { element, width } = useWidth<HTMLDivElement>();
  const { frames = [], moments = [] } = shown.value ?? {};
  const step = moment.value === undefined ? undefined : moments[moment.value]?.step;
  const frame = frames.findLast((frame) => step === undefined || frame.step <= step);
  const size = frame?.tokens.length ?? 0;
  const [l, h] = frame ? [Math.min(layer.value, frame.layers - 1), Math.min(head.value, frame.heads - 1)] : [0, 0];
  const pattern = useMemo(() => frame?.values.subarray((l * frame.heads + h) * size * size, (l * frame.heads + h + 1) * size * size), [frame, l, h]);
  const names = useMemo(() => (frame?.tokens ?? []).map((token) => plain(new TextEncoder().encode(token))), [frame]);
  const most = useMemo(() => (pattern ? strongest(pattern, size) : undefined), [pattern]);
  const cell = Math.max(8, Math.min(18, Math.floor((width - nameRoom) / size)));
  const say = (text: typeof attention.looks, { row, column }: Cell): string => text(names[row], names[column], percent(pattern![row * size + column]));
  const shownCell = pointed.value && pointed.value.row < size ? pointed.value : most;
  const caption = shownCell && say(shownCell === most ? attention.most : attention.looks, shownCell);
  return (
    <section class="card attention" aria-labelledby="attention-heading">
      <header>
        <div class="row">
          <h2 id="attention-heading">{attention.heading}</h2>
          {frame && <SavePicture name={`attention-${l + 1}-${h + 1}-${frame.step}`} of={() => canvas.current} isCanvas />}
        </div>
        <p class="soft about">{attention.about}</p>
      </header>
      {frame && (
        <div class="row">
          <Pick label={attention.layer} count={frame.layers} value={l} onPick={(value) => (layer.value = value)} />
          <Pick label={attention.head} count={frame.heads} value={h} onPick={(value) => (head.value = value)} />
        </div>
      )}
      <div
        ref={element} class="map"
        onPointerMove={({ offsetX, offsetY }) => (pointed.value = cellAt(offsetX, offsetY, cell, size))}
        onPointerLeave={() => (pointed.value = undefined)}
      >
        {!pattern || !shownCell ? <p class="soft">{attention.none}</p> : width > 0 && (
          <PatternMap pattern={pattern} names={names} cell={cell} row={shownCell.row} column={shownCell.column} label={caption} canvas={canvas} />
        )}
      </div>
      <p class="soft caption">{caption}</p>
    </section>
  );
}

function cellAt(x: number, y: number, cell: number, size: number): Cell | undefined {
  const [row, column] = [Math.floor((y - nameRoom) / cell), Math.floor((x - nameRoom) / cell)];
  return row >= 0 && row < size && column >= 0 && column <= row ? { row, column } : undefined;
}

/** The strongest look at another token. */
function strongest(pattern: Float32Array, size: number): Cell {
  let best: Cell | undefined;
  for (let row = Math.min(first, size - 1); row < size; row++) {
    for (let column = 0; column < row; column++) {
      if (!best || pattern[row * size + column] > pattern[best.row * size + best.column]) best = { row, column };
    }
  }
  return best ?? { row: 0, column: 0 };
}

function Pick({ label, count, value, onPick }: { readonly label: string; readonly count: number; readonly value: number; readonly onPick: (value: number) => void }) {
  return (
    <label class="pick">
      <span>{label}</span>
      <select value={value} onChange={({ currentTarget }) => onPick(currentTarget.selectedIndex)}>
        {Array.from({ length: count }, (_, i) => <option key={i} value={i}>{i + 1}</option>)}
      </select>
    </label>
  );
}
