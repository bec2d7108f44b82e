import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** A text in a style, where standard error shows it: on a terminal, unless `NO_COLOR` is set. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stderr });
}
