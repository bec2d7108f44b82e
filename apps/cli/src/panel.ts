import { columnsOf } from "./terminal-text.ts";

const escape = "\u001b[";
/** A terminal shows what is between the two at once, and cuts lines at its edge instead of wrapping them. */
const [begin, end] = [`${escape}?2026h${escape}?7l`, `${escape}?7h${escape}?2026l`];

/** Lines at the end of what a terminal shows, drawn over and over. */
export class Panel {
  /** Columns of the lines that are drawn. */
  #widths: readonly number[] = [];

  /** What draws these lines over those before, for a terminal of `columns`. */
  draw(lines: readonly string[], columns: number): string {
    const up = this.#up(columns);
    this.#widths = lines.map((line) => Math.min(columns, columnsOf(line)));
    return `${begin}${up}${lines.map((line) => `${line}${escape}K\n`).join("")}${escape}J${end}`;
  }

  /** What removes the lines. */
  clear(columns: number): string {
    const up = this.#up(columns);
    this.#widths = [];
    return up === "" ? "" : `${up}${escape}J`;
  }

  /** Leaves the lines as they are; the next ones come below. */
  keep(): void {
    this.#widths = [];
  }

  /** What moves the cursor to the first line. A terminal that has become narrower has wrapped lines. */
  #up(columns: number): string {
    const rows = this.#widths.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    return rows === 0 ? "" : `\r${escape}${rows}A`;
  }
}
