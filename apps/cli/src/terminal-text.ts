import { printable } from "@gpt/tensor";
import { stylePattern } from "./style.ts";

const ownMarks = new RegExp(`(\n|${stylePattern.source})`);

/** Lines of ours as they are shown: only the ends of lines and our styles reach a terminal, not what a file says. */
export function shownLines(text: string): string {
  return text.split(ownMarks).map((part, i) => (i % 2 === 0 ? printable(part) : part)).join("");
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
