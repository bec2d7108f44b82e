import { useEffect, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import { count, exactPercent, percent, words } from "../../state/locale.ts";
import { clamped, stepOf } from "../../ui/keys.ts";
import { SavePicture } from "../../ui/save-picture.tsx";
import { useWidth } from "../../ui/use-width.ts";
import { Bars } from "./bars.tsx";
import { nameRoom, PatternMap } from "../../ui/pattern-map.tsx";
import type { Seen } from "./seen.ts";

interface HeadViewProps {
  readonly seen: Seen;
  readonly block: number;
  readonly head: number;
  /** The query that is looked at. */
  readonly token: number;
  readonly onFollow: (token: number) => void;
}

/** One head: its whole map, and where the followed token looks. */
export function HeadView({ seen, block, head, token, onFollow }: HeadViewProps) {
  const { inside } = words.value;
  const name = `${inside.block(count(block + 1))}, ${inside.head(count(head + 1))}`;
  const looks = seen.looks(block, head, token);
  const column = useSignal<number | undefined>(undefined);
  useEffect(() => void (column.value = undefined), [block, head, seen]);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { element, width } = useWidth<HTMLDivElement>();
  const cell = Math.min(40, Math.max(14, Math.floor((Math.min(width, 640) - nameRoom) / seen.count)));
  const choose = (row: number, key: number): void => {
    const query = clamped(row, seen.count);
    column.value = clamped(key, seen.count);
    if (query !== token) onFollow(query);
  };
  const shown = column.value;
  const total = looks.reduce((sum, look) => sum + look, 0);
  const order = looks.map((_, key) => key).filter((key) => key <= token).sort((a, b) => looks[b] - looks[a]);
  const bars = order.slice(0, 10).map((key) => ({ name: seen.names[key], size: looks[key], value: percent(looks[key]), isMarked: key === shown }));
  // A head with a sink gives a part of its attention to none.
  if (total < 0.999) bars.push({ name: inside.sink, size: 1 - total, value: percent(1 - total), isMarked: false });
  return (
    <div class="head-view">
      <div ref={element}>
        <div
          class="map-box" role="application" tabIndex={0} aria-label={inside.map(name)} aria-description={inside.mapAbout} aria-describedby="map-reading"
          onKeyDown={(event) => {
            if (event.altKey || event.ctrlKey || event.metaKey) return;
            const step = stepOf(event.key);
            if (!step) return;
            event.preventDefault();
            choose(token + step[0], (shown ?? token) + step[1]);
          }}
          onClick={({ offsetX, offsetY }) => {
            if (offsetX > nameRoom && offsetY > nameRoom) choose(Math.floor((offsetY - nameRoom) / cell), Math.floor((offsetX - nameRoom) / cell));
            else if (offsetY > nameRoom) choose(Math.floor((offsetY - nameRoom) / cell), shown ?? token);
          }}
        >
          {width > 0 && (
            <PatternMap pattern={seen.pattern(block, head)} names={seen.names} cell={cell} row={token} column={shown} label={inside.map(name)} canvas={canvas} />
          )}
        </div>
        <p id="map-reading" class="reading" aria-live="polite">
          {shown === undefined ? inside.mapAbout : reading(seen, token, shown, looks[shown])}
        </p>
        <SavePicture name={`attention-${block + 1}-${head + 1}`} of={() => canvas.current} isCanvas />
      </div>
      <section aria-label={inside.whereLooks(seen.names[token])}>
        <h3>{inside.whereLooks(seen.names[token])}</h3>
        <Bars label={inside.whereLooks(seen.names[token])} bars={bars} />
      </section>
    </div>
  );
}

function reading({ names }: Seen, query: number, key: number, look: number): string {
  const { inside } = words.value;
  return key > query ? inside.ahead(names[query], names[key]) : inside.looking(names[query], names[key], exactPercent(look));
}
