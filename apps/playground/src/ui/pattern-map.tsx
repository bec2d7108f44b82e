import { useEffect, useRef } from "preact/hooks";
import type { Ref, RefObject } from "preact";
import { isDark } from "../state/theme.ts";
import { cut } from "./heat-map.tsx";
import "./pattern-map.css";

interface PatternMapProps {
  /** `[size, size]`, from 0 to 1: rows are queries, columns keys. */
  readonly pattern: Float32Array;
  /** Of rows and columns; none in a small map. */
  readonly names?: readonly string[];
  /** The side of a cell, in pixels. */
  readonly cell: number;
  readonly row: number;
  /** The cell of the row that is chosen, if one is. */
  readonly column?: number;
  readonly label?: string;
  readonly canvas?: Ref<HTMLCanvasElement>;
}

/** Room for names, beside and above the cells. */
export const nameRoom = 76;

/** A head's attention, on a canvas, since there are many cells. */
export function PatternMap({ pattern, names, cell, row, column, label, canvas }: PatternMapProps) {
  const own = useRef<HTMLCanvasElement>(null);
  const element = (canvas as RefObject<HTMLCanvasElement> | undefined) ?? own;
  const size = Math.sqrt(pattern.length);
  const room = names ? nameRoom : 0;
  const side = room + size * cell;
  const dark = isDark.value;
  // A canvas whose size changes is empty: a page that is zoomed draws it again.
  const density = devicePixelRatio;
  useEffect(() => {
    if (element.current) draw(element.current, { pattern, names, cell, row, column, room, size });
  }, [pattern, names, cell, row, column, dark, density]);
  return (
    <canvas
      ref={element} class="pattern" width={Math.round(side * density)} height={Math.round(side * density)} style={{ inlineSize: side, blockSize: side }}
      role={label ? "img" : undefined} aria-label={label} aria-hidden={label ? undefined : true}
    />
  );
}

function draw(
  canvas: HTMLCanvasElement,
  { pattern, names, cell, row, column, room, size }: Required<Pick<PatternMapProps, "pattern" | "cell" | "row">> & Pick<PatternMapProps, "names" | "column"> & { readonly room: number; readonly size: number },
): void {
  const context = canvas.getContext("2d")!;
  // Colours that CSS has worked out for the theme.
  const { color: accent, caretColor: ink, outlineColor: paper, fontFamily } = getComputedStyle(canvas);
  context.setTransform(canvas.width / (room + size * cell), 0, 0, canvas.height / (room + size * cell), 0, 0);
  context.clearRect(0, 0, room + size * cell, room + size * cell);
  const gap = cell >= 8 ? 1 : 0;
  for (let query = 0; query < size; query++) {
    for (let key = 0; key <= query; key++) {
      const [x, y] = [room + key * cell, room + query * cell];
      context.globalAlpha = 1;
      context.fillStyle = paper;
      context.fillRect(x, y, cell - gap, cell - gap);
      // The square root shows small weights too.
      context.globalAlpha = Math.sqrt(Math.min(1, Math.max(0, pattern[query * size + key])));
      context.fillStyle = accent;
      context.fillRect(x, y, cell - gap, cell - gap);
    }
  }
  context.globalAlpha = 1;
  context.strokeStyle = accent;
  context.lineWidth = names ? 1.5 : 1;
  context.strokeRect(room + 0.5, room + row * cell + 0.5, (row + 1) * cell - gap - 1, cell - gap - 1);
  if (column !== undefined) {
    context.strokeStyle = ink;
    context.lineWidth = 2;
    context.strokeRect(room + column * cell, room + row * cell, cell - gap, cell - gap);
  }
  if (!names || cell < 10) return;
  context.font = `12px ${fontFamily}`;
  context.textBaseline = "middle";
  for (const [i, name] of names.entries()) {
    context.fillStyle = ink;
    context.textAlign = "end";
    context.fillText(cut(name, room - 6), room - 6, room + (i + 0.5) * cell);
    context.save();
    context.translate(room + (i + 0.5) * cell, room - 6);
    context.rotate(-Math.PI / 2);
    context.textAlign = "start";
    context.fillText(cut(name, room - 6), 0, 0);
    context.restore();
  }
}
