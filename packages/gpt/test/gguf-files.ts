import { openGGUF, ggufChunks } from "@gpt/formats/gguf";
import type { GGUFFileTensor, GGUFValue } from "@gpt/formats/gguf";
import { joined, memoryFolder } from "@gpt/testing/memory-folder";

/** All bytes of a file that is given piece by piece. */
export async function collected(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return joined(parts);
}

/** A GGUF file as two, by their names, as llama.cpp's `gguf-split` divides it. */
export async function splitGGUF(bytes: Uint8Array, prefix: string): Promise<Record<string, Uint8Array>> {
  const { metadata, tensors } = (await openGGUF(memoryFolder({ whole: bytes }), "whole"))!;
  const half = Math.ceil(tensors.length / 2);
  const part = (number: number, tensors: readonly GGUFFileTensor[], total: number): Promise<Uint8Array> => {
    const split: [string, GGUFValue][] = [
      ["split.no", { type: "u16", value: number }], ["split.count", { type: "u16", value: 2 }], ["split.tensors.count", { type: "i32", value: total }],
    ];
    const sources = tensors.map(({ name, file, entry: { dtype, shape, start, end } }) => ({
      name, dtype, shape, async *chunks() { yield await file.read(start, end - start); },
    }));
    return collected(ggufChunks(sources, new Map(number === 0 ? [...metadata, ...split] : split)));
  };
  return {
    [`${prefix}-00001-of-00002.gguf`]: await part(0, tensors.slice(0, half), tensors.length),
    [`${prefix}-00002-of-00002.gguf`]: await part(1, tensors.slice(half), tensors.length),
  };
}
