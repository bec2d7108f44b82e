import { LineWrapper } from "../format.ts";

/** A name and what is said of it; where both are empty, an empty line. */
export type Row = readonly [name: string, value: string];

const nameColumns = 20;
/** In terminals with fewer columns, long values are below their names. */
const wideColumns = 60;

/** Rows as lines of text, wrapped to the width of the terminal: names, with their values beside them, continued on the lines below. */
export function formatRows(rows: readonly Row[], columns = Infinity): string {
  const lines = rows.flatMap(([name, value]) => {
    const isBeside = columns >= wideColumns || nameColumns + value.length <= columns;
    const indent = " ".repeat(isBeside ? nameColumns : 4);
    const values = wrap(value, columns - indent.length).map((line) => `${indent}${line}`);
    return isBeside ? [`${name.padEnd(nameColumns)}${values[0].slice(nameColumns)}`.trimEnd(), ...values.slice(1)] : [name, ...values];
  });
  return `${lines.join("\n")}\n`;
}

/** What keeps a number, its unit and its dtype in one line. */
const glue = "\u0000";

function wrap(text: string, columns: number): string[] {
  const glued = text.replace(/(?<=[\d×]) (?=[\d×]|(?:bytes|[kMGTPE]B|[MG]FLOP)\b)|(?<=[kMGTPE]B) (?=b?f\d|int\d|mxfp)/g, glue);
  return new LineWrapper(Math.max(16, columns)).push(glued).replaceAll(glue, " ").split("\n");
}
