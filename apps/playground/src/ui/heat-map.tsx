import type { Ref } from "preact";
import { useMemo } from "preact/hooks";
import { clamped, stepOf } from "./keys.ts";
import "./heat-map.css";

export interface Cell {
  /** From 0 to 1; in a diverging map from -1. Nothing where there is none yet. */
  readonly heat: number | undefined;
  readonly text?: string;
  /** What it says, for screen readers and under the pointer. */
  readonly label: string;
}

export interface Place {
  readonly row: number;
  readonly column: number;
}

interface HeatMapProps {
  /** What the cells' ids begin with. */
  readonly name: string;
  readonly label: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** Rows of cells. Those that are the same as before are not drawn anew. */
  readonly cells: readonly (readonly Cell[])[];
  readonly chosen: Place | undefined;
  readonly onChoose: (place: Place) => void;
  /** Cells are as wide as the text in them needs, in pixels. */
  readonly cellWidth: number;
  readonly isDiverging?: boolean;
  /** The strongest colour, in percent: less under text, so that it can be read. */
  readonly strength?: number;
  readonly picture?: Ref<SVGSVGElement>;
}

const cellHeight = 26;
const headHeight = 24;
const labelWidth = 96;
const characterWidth = 7;

/** A table in colour. One cell is chosen by a click, or by arrow keys. */
export function HeatMap({ name, label, rows, columns, cells, chosen, onChoose, cellWidth, isDiverging = false, strength = 45, picture }: HeatMapProps) {
  const idOf = ({ row, column }: Place): string => `${name}-${row}-${column}`;
  const choose = (row: number, column: number): void => {
    const place = { row: clamped(row, rows.length), column: clamped(column, columns.length) };
    onChoose(place);
    document.getElementById(idOf(place))?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const [width, height] = [labelWidth + columns.length * cellWidth, headHeight + rows.length * cellHeight];
  return (
    <div class="heat-scroll">
      <svg
        ref={picture} class="heat-map" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="grid" tabindex={0} aria-label={label}
        aria-activedescendant={chosen && idOf(chosen)}
        onClick={({ target }) => {
          const place = (target as Element).closest<SVGElement>("[data-column]")?.dataset;
          if (place) choose(Number(place.row), Number(place.column));
        }}
        onKeyDown={(event) => {
          if (event.altKey || event.ctrlKey || event.metaKey) return;
          const step = stepOf(event.key);
          if (!step) return;
          event.preventDefault();
          const from = chosen ?? { row: 0, column: 0 };
          choose(from.row + step[0], from.column + step[1]);
        }}
      >
        <g role="row">
          {columns.map((text, column) => (
            <text key={column} class="axis" role="columnheader" x={labelWidth + (column + 0.5) * cellWidth} y={headHeight / 2} text-anchor="middle">{text}</text>
          ))}
        </g>
        {rows.map((text, row) => (
          <HeatRow
            key={row} {...{ name, row, text, cellWidth, isDiverging, strength }} cells={cells[row]}
            chosen={chosen?.row === row ? chosen.column : undefined}
          />
        ))}
      </svg>
    </div>
  );
}

interface HeatRowProps extends Required<Pick<HeatMapProps, "name" | "cellWidth" | "isDiverging" | "strength">> {
  readonly row: number;
  readonly text: string;
  readonly cells: readonly Cell[];
  readonly chosen: number | undefined;
}

function HeatRow({ name, row, text, cells, chosen, cellWidth, isDiverging, strength }: HeatRowProps) {
  return useMemo(
    () => (
      <g role="row">
        <text class="axis" role="rowheader" x={labelWidth - 8} y={headHeight + (row + 0.5) * cellHeight} text-anchor="end">{cut(text, labelWidth - 8)}</text>
        {cells.map(({ heat, text: shown, label }, column) => {
          const kind = heat === undefined ? "empty" : isDiverging ? (heat < 0 ? "less" : "more") : "";
          const [x, y] = [labelWidth + column * cellWidth, headHeight + row * cellHeight];
          return (
            <g
              key={column} id={`${name}-${row}-${column}`} class={`cell ${kind}`} role="gridcell" aria-selected={column === chosen}
              data-row={row} data-column={column} style={{ "--heat": Math.min(1, Math.abs(heat ?? 0)) * strength }}
            >
              <title>{label}</title>
              <rect x={x + 1} y={y + 1} width={cellWidth - 2} height={cellHeight - 2} rx={4} />
              {shown && <text x={x + cellWidth / 2} y={y + cellHeight / 2} text-anchor="middle">{cut(shown, cellWidth - 8)}</text>}
            </g>
          );
        })}
      </g>
    ),
    [name, row, text, cells, chosen, cellWidth, isDiverging, strength],
  );
}

/** What of a text a width holds. */
export function cut(text: string, width: number): string {
  const most = Math.max(1, Math.floor(width / characterWidth));
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join("")}…`;
}
