import { useLayoutEffect } from "preact/hooks";
import type { RefObject } from "preact";
import { isDark } from "../state/theme.ts";
import "./raster.css";

/** Of a cell, in pixels of the canvas. */
const [cellWidth, cellHeight] = [12, 48];

interface RasterProps {
  readonly rows: number;
  readonly columns: number;
  /** How strong a cell is, from 0 to 1; undefined where there is none. */
  readonly at: (row: number, column: number) => number | undefined;
  /** What it shows, in words. */
  readonly label: string;
  readonly element: RefObject<HTMLCanvasElement | null>;
}

/** Cells in the shades of the element's colour. As large as its style says. */
export function Raster({ rows, columns, at, label, element }: RasterProps) {
  const dark = isDark.value;
  useLayoutEffect(() => {
    const canvas = element.current!;
    const context = canvas.getContext("2d")!;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = getComputedStyle(canvas).color;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const value = at(row, column);
        if (value === undefined) continue;
        context.globalAlpha = value;
        context.fillRect(column * cellWidth, row * cellHeight, cellWidth - 1, cellHeight - 1);
      }
    }
  }, [rows, columns, at, dark]);
  return <canvas ref={element} class="raster" width={columns * cellWidth} height={rows * cellHeight} role="img" aria-label={label} />;
}
