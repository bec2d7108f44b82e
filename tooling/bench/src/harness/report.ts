import type { Row } from "./rows.ts";

/** What one benchmark found. */
export interface Section {
  readonly title: string;
  /** Where it ran, beyond the machine: the browser, the GPU. */
  readonly place?: string;
  readonly rows: readonly Row[];
  /** What else was measured, as a table: its first row is the head. */
  readonly details?: readonly (readonly string[])[];
  /** What a reader must know: peers that are missing, thread settings, checks. */
  readonly notes: readonly string[];
  /** Parts that could not be measured, and why; the others were. */
  readonly failures?: readonly string[];
}

/** The table in Markdown. */
export function formatSection({ title, rows, details, notes, failures = [] }: Section): string {
  const head = ["work", "ours", "against", "theirs", "ratio", "of the best", "demanded"];
  const body = rows.map((row) => [
    row.work,
    row.ours,
    row.against ?? "",
    row.theirs ?? "",
    formatRatio(row.ratio),
    formatRatio(row.bestRatio),
    row.demanded === undefined ? "" : `${row.demanded} ${row.reached ? "✓" : "✗"}`,
  ]);
  const parts = [`## ${title}`, ...(rows.length > 0 ? [table([head, ...body])] : [])];
  if (details && details.length > 1) parts.push(table(details));
  const lines = [...notes, ...failures.map((failure) => `**failed**: ${failure}`)];
  if (lines.length > 0) parts.push(lines.map((line) => `- ${line}`).join("\n"));
  return `${parts.join("\n\n")}\n`;
}

function table([head, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? "" : `${ratio.toPrecision(3)} ×`;
}
