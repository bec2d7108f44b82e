import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { corpus } from "./corpus.ts";

const text = [...corpus({ bytes: 1e6, words: 600_000, scripts: true })].join("");

test("the corpus is the same everywhere, and as large as asked for", () => {
  const digest = createHash("sha256").update(text).digest("hex").slice(0, 16);
  assert.equal(digest, "9bbf764568ccbb7c");
  assert.ok(Math.abs(Buffer.byteLength(text) - 1e6) < 1e4);
});

test("a few words are most of the text, and most words are rare", () => {
  const counts = new Map<string, number>();
  for (const [word] of text.matchAll(/[a-z]+/g)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const frequencies = [...counts.values()].toSorted((a, b) => b - a);
  const total = frequencies.reduce((sum, count) => sum + count, 0);
  const share = frequencies.slice(0, 100).reduce((sum, count) => sum + count, 0) / total;
  const once = frequencies.filter((count) => count === 1).length / frequencies.length;
  assert.ok(share > 0.2 && share < 0.6, `${share} of all words`);
  assert.ok(once > 0.4 && once < 0.9, `${once} of different words`);
});

test("it has several scripts, capitals, digits and punctuation", () => {
  for (const pattern of [
    /\p{Script=Cyrillic}{3}/u,
    /\p{Script=Han}{3}/u,
    /\p{Script=Arabic}/u,
    /[.] [A-Z]/,
    /\d{4}/,
    /"/,
  ]) {
    assert.match(text, pattern);
  }
});
