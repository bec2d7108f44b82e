import { printable } from "@gpt/tensor";
import { stylePattern } from "./style.ts";

const ownMarks = new RegExp(`(\n|${stylePattern.source})`);

/** Lines of ours as they are shown: only the ends of lines and our styles reach a terminal, not what a file says. */
export function shownLines(text: string): string {
  return text.split(ownMarks).map((part, i) => (i % 2 === 0 ? printable(part) : part)).join("");
}

/** Characters that take two columns: Unicode's East Asian Width W and F, nearly. */
const wide =
  /[\p{Emoji_Presentation}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Bopomofo}\p{Script=Yi}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]/u;
const allStyles = new RegExp(stylePattern.source, "g");
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** How many columns of a terminal a printable line takes, styles aside; at most, as marks that combine count. */
export function columnsOf(line: string): number {
  let columns = 0;
  for (const character of line.replace(allStyles, "")) columns += wide.test(character) ? 2 : 1;
  return columns;
}

/** The beginning of a printable text without styles that fits into `columns`; whole characters, as people see them. */
export function cutToColumns(text: string, columns: number): string {
  let length = 0;
  let left = columns;
  for (const { segment } of graphemes.segment(text)) {
    left -= columnsOf(segment);
    if (left < 0) break;
    length += segment.length;
  }
  return text.slice(0, length);
}

/** The same of its end, with a mark where there is more before it. */
export function endInColumns(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let left = columns - 1;
  let start = text.length;
  for (const { segment } of [...graphemes.segment(text)].reverse()) {
    left -= columnsOf(segment);
    if (left < 0) break;
    start -= segment.length;
  }
  return columns < 1 ? "" : `…${text.slice(start)}`;
}

/** A text whose lines and words are a space apart, so that nothing in it moves the cursor. */
export function onOneLine(text: string): string {
  return printable(text.trim().replace(/\s+/g, " "));
}

/**
 * A text that comes in pieces, such as a model's, as a terminal shows it: nothing in it moves the cursor, changes
 * colours, or answers in the user's name. Lines may end in CR LF.
 */
export class ShownText {
  #pending = "";

  push(text: string): string {
    const whole = this.#pending + text;
    this.#pending = whole.endsWith("\r") ? "\r" : "";
    return whole
      .slice(0, whole.length - this.#pending.length)
      .replaceAll("\r\n", "\n")
      .replace(/(?![\n\t])\p{Cc}/gu, (control) => printable(control));
  }
}
