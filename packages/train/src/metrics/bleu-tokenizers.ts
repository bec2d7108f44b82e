import { splitWords } from "./text.ts";

/**
 * How BLEU cuts texts into words, by sacrebleu's names: "13a" as WMT's mteval-v13a, "intl" as mteval-v14 (punctuation and
 * symbols of all scripts), "char" into characters, "none" at white space alone.
 */
export type BleuTokenizer = "13a" | "intl" | "char" | "none";

/** The tokenizers of sacrebleu 2.6 (`sacrebleu/tokenizers`). */
export const bleuTokenizers: Readonly<Record<BleuTokenizer, (text: string) => string[]>> = {
  "13a": (text) => {
    const plain = text
      .replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ")
      .replaceAll("&quot;", '"').replaceAll("&amp;", "&").replaceAll("&lt;", "<").replaceAll("&gt;", ">");
    return splitWords(
      ` ${plain} `
        .replace(/[{-~[-` -&(-+:-@/]/gu, " $& ")
        // A period or a comma stays within a number.
        .replace(/([^0-9])([.,])/gu, "$1 $2 ")
        .replace(/([.,])([^0-9])/gu, " $1 $2")
        .replace(/([0-9])(-)/gu, "$1 $2 "),
    );
  },
  "intl": (text) =>
    splitWords(
      text
        .replace(/(\P{N})(\p{P})/gu, "$1 $2 ")
        .replace(/(\p{P})(\P{N})/gu, " $1 $2")
        .replace(/\p{S}/gu, " $& "),
    ),
  "char": (text) => splitWords([...text].join(" ")),
  "none": splitWords,
};
