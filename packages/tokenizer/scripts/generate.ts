/**
 * Makes `src/generated` from the npm package tiktoken, which is the Rust implementation: the classes of characters as
 * its regular expressions know them, and the rank tables in a compact form.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Tiktoken } from "tiktoken";
import { mergesOfRanks } from "../src/bpe/ranks.ts";
import { idDigits, idText } from "../src/encodings/rank-table.ts";

const directory = join(import.meta.dirname, "../src/generated");
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** The bit of each class in src/unicode/classes.ts, and the expression that finds it. */
const classes: readonly [name: string, pattern: string][] = [
  ["A", "[\\p{Lu}\\p{Lt}]"],
  ["B", "\\p{Ll}"],
  ["C", "[\\p{Lm}\\p{Lo}]"],
  ["D", "\\p{M}"],
  ["E", "\\p{N}"],
  ["F", "[\\s&&[^\\r\\n]]"],
  ["G", "[\\r\\n]"],
];

/** All characters that a regular expression of tiktoken matches. */
function matches(pattern: string): Set<string> {
  // The vocabulary is the 256 bytes, so that the tokens are the bytes of what the pattern lets through.
  const ranks = Array.from({ length: 256 }, (_, byte) => base64(Uint8Array.of(byte)));
  const encoder = new Tiktoken(`! 0 ${ranks.join(" ")}`, {}, pattern);
  try {
    return new Set(Buffer.from(encoder.encode_ordinary(characters.join(""))).toString());
  } finally {
    encoder.free();
  }
}

const characters = Array.from({ length: 0x110000 }, (_, code) =>
  code >= 0xd800 && code < 0xe000 ? "\uFFFD" : String.fromCodePoint(code),
);

function classRuns(): string {
  const found = classes.map(([name, pattern]) => [name, matches(pattern)] as const);
  let runs = "";
  let current = "";
  let length = 0;
  for (const character of [...characters, undefined]) {
    const name = character && (found.find(([, set]) => set.has(character))?.[0] ?? "H");
    if (name !== current) {
      if (length > 0) runs += length.toString(36) + current;
      current = name ?? "";
      length = 0;
    }
    length++;
  }
  return runs;
}

/** The code points that Unicode, as those expressions know it, assigns: how many are not, how many are, … in base 36. */
function assignedRuns(): string {
  const assigned = matches("\\P{Cn}");
  const lengths = [0];
  let isIn = false;
  for (const character of characters) {
    if (assigned.has(character) !== isIn) {
      isIn = !isIn;
      lengths.push(0);
    }
    lengths[lengths.length - 1]++;
  }
  return lengths.map((length) => length.toString(36)).join(" ");
}

/** The tokens by rank. Lines of `bpe_ranks` are `! first-rank token token …`, the tokens in base64. */
function ranks(encoding: string): (Uint8Array | undefined)[] {
  const path = createRequire(import.meta.url).resolve(`tiktoken/encoders/${encoding}.json`);
  const { bpe_ranks: text } = JSON.parse(readFileSync(path, "utf8")) as { bpe_ranks: string };
  const tokens: (Uint8Array | undefined)[] = [];
  for (const line of text.split("\n").filter(Boolean)) {
    const [, first, ...names] = line.split(" ");
    for (const [index, name] of names.entries()) tokens[Number(first) + index] = Buffer.from(name, "base64");
  }
  return Array.from(tokens);
}

/** See `RankTable` in src/encodings/rank-table.ts. */
function rankTable(encoding: string): string {
  const tokens = ranks(encoding);
  const { merges, unmergeable } = mergesOfRanks(tokens);
  const bytes = tokens.slice(0, 256).map((token) => token?.[0].toString(16).padStart(2, "0") ?? "");
  const complete = new Set(bytes).size === 256 && tokens.slice(0, 256).every((token) => token?.length === 1);
  if (!complete || unmergeable.length > 0) throw new Error(`${encoding} does not fit the compact form`);
  const pairs = tokens.slice(256).map(() => " ".repeat(2 * idDigits));
  for (let merge = 0; merge < merges.size; merge++) {
    pairs[merges.result(merge) - 256] = idText(merges.left(merge)) + idText(merges.right(merge));
  }
  return `{\n  bytes: "${bytes.join("")}",\n  pairs: "${pairs.join("")}",\n}`;
}

mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, "unicode.ts"), `export const classRuns = "${classRuns()}";\n`);
writeFileSync(join(directory, "assigned.ts"), `export const assignedRuns =\n  "${assignedRuns()}";\n`);
for (const encoding of ["r50k_base", "p50k_base", "cl100k_base", "o200k_base"]) {
  const text =
    'import type { RankTable } from "../encodings/rank-table.ts";\n\n' +
    `export const table: RankTable = ${rankTable(encoding)};\n`;
  writeFileSync(join(directory, `${encoding}.ts`), text);
}
