import { styleText } from "node:util";

/** What `styleText` puts around a text in one of these styles. */
const codes = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], cyan: [36, 39] } as const;

/** Matches the beginning and the end of a style. */
export const stylePattern = new RegExp(`\\x1b\\[(?:${Object.values(codes).flat().join("|")})m`);

/** A text in a style, where standard error shows it: on a terminal, unless `NO_COLOR` is set. */
export function styled(style: keyof typeof codes, text: string): string {
  return styleText(style, text, { stream: process.stderr });
}
