import { styleText } from "node:util";

/** What `styleText` puts around a text in one of these styles. */
const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], magenta: [35, 39], cyan: [36, 39] } as const;

/** Matches the beginning and the end of a style. */
export const stylePattern = new RegExp(`\\x1b\\[(?:${Object.values(codes).flat().join("|")})m`);

/** Of the colours of the terminal: what is readable on its background, it knows. */
export type Style = keyof typeof codes;

/** A text in a style, where standard error shows it: on a terminal, unless `NO_COLOR` is set. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stderr });
}
