/**
 * Writes what llama.cpp makes of random blocks, and of elements, for the tests of `@gpt/formats`:
 *
 *     npm run exec -- pnpm --dir tooling/interop run gguf-expectations
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ggufFormats, ggufTypes, writableGGUFTypes } from "@gpt/formats/gguf";
import type { GGUFType } from "@gpt/formats/gguf";
import { blocksOf, elementsOf, quantizedTypes } from "../../../packages/formats/test/gguf-blocks.ts";
import { Ggml } from "./llama.ts";

const ggml = new Ggml();
const text = ({ buffer, byteOffset, byteLength }: ArrayBufferView): string => Buffer.from(buffer, byteOffset, byteLength).toString("base64");

const lines = quantizedTypes.map((type: GGUFType) => {
  const count = Math.max(1, 64 / ggufFormats[type].block);
  const encoded = (writableGGUFTypes as readonly string[]).includes(type) ? { encoded: text(ggml.encode(type, elementsOf(256))) } : {};
  return `  ${JSON.stringify(type)}: ${JSON.stringify({ decoded: text(ggml.decode(type, blocksOf(type, count))), ...encoded })}`;
});
const path = join(import.meta.dirname, "../../../packages/formats/test/gguf-blocks.json");
writeFileSync(path, `{\n${lines.join(",\n")}\n}\n`);
console.log(`${ggufTypes.length} types are read; those of blocks: ${quantizedTypes.join(", ")}`);
