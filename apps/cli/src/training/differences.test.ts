import { preset } from "@gpt/gpt";
import { expect, test } from "vitest";
import { differences } from "./differences.ts";

const nano = preset("nano");

test("says what differs, and what all blocks have in common once", () => {
  expect(differences(nano, nano)).toEqual([]);
  expect(differences(nano, preset("nano", { heads: 2, tiedHead: false }))).toEqual([
    "blocks.attention.heads was 4 and is 2",
    "blocks.attention.kvHeads was 4 and is 2",
    "blocks.attention.headDim was 32 and is 64",
    "head.type was tied and is linear",
  ]);
  expect(differences(nano, preset("nano", { layers: 3, dropout: 0.5 }))).toEqual([
    "blocks.length was 4 and is 3",
    "blocks.dropout was not set and is 0.5",
    "embeddingDropout was not set and is 0.5",
  ]);
  expect(differences(preset("nano", { layers: 3, windows: [null, 8] }), preset("nano", { layers: 3, windows: [8, null] }))).toEqual([
    "blocks[1].attention.window was 8 and is not set",
    "blocks[0].attention.window was not set and is 8",
    "blocks[2].attention.window was not set and is 8",
  ]);
  expect(differences(preset("nano", { layers: 2, scaleAttention: false, scaleAttentionByLayer: true }), nano)).toContain(
    "blocks.attention.scale was 1, 0.5 and is not set",
  );
});
