import type { OutputFile } from "@gpt/formats";
import type { Decoder } from "./decoder.ts";
import type { Weight } from "./graph.ts";
import { initializerHead, modelHead, tensor } from "./proto.ts";
import type { ExternalData } from "./proto.ts";

/** Weights of fewer bytes stay in the model's file, where runtimes see what shapes they make. */
const smallestExternal = 1024;

/** Where in a file of weights one may begin: files are mapped into memory by pages. */
const alignment = 4096;

const elementBytes = { f32: 4, i8: 1, i64: 8 } as const;

function byteLength({ type, shape }: Weight): number {
  return shape.reduce((product, size) => product * size, elementBytes[type]);
}

interface PlacedWeight {
  readonly weight: Weight;
  readonly data: ExternalData;
}

/**
 * The files of a graph: the model alone, or, where it would have more than `maxFileBytes` (protobuf ends at 2 GiB), the model
 * and files of its weights, `NAME_data`, `NAME_data_1`, and so on, of at most as many, or of one weight that has more. Weights
 * are read while the files are written; the model's own is the last one.
 */
export function graphFiles(name: string, { graph, weights }: Decoder, maxFileBytes: number): OutputFile[] {
  const total = weights.reduce((sum, weight) => sum + byteLength(weight), graph.length);
  const [inside, outside] = total <= maxFileBytes
    ? [weights, []]
    : [weights.filter((weight) => byteLength(weight) < smallestExternal), weights.filter((weight) => byteLength(weight) >= smallestExternal)];
  const placed = place(name, outside, maxFileBytes);
  const files = new Map<string, PlacedWeight[]>();
  for (const each of placed) files.set(each.data.file, [...(files.get(each.data.file) ?? []), each]);
  return [
    ...Array.from(files, ([name, placed]) => ({ name, chunks: dataChunks(placed) })),
    { name, chunks: modelChunks(graph, inside, placed) },
  ];
}

function place(name: string, weights: readonly Weight[], maxFileBytes: number): PlacedWeight[] {
  let [number, end] = [0, 0];
  return weights.map((weight) => {
    const length = byteLength(weight);
    let offset = Math.ceil(end / alignment) * alignment;
    if (offset > 0 && offset + length > maxFileBytes) [number, offset] = [number + 1, 0];
    end = offset + length;
    return { weight, data: { file: `${name}_data${number === 0 ? "" : `_${number}`}`, offset, length } };
  });
}

async function* dataChunks(placed: readonly PlacedWeight[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const { weight, data } of placed) {
    if (data.offset > at) yield new Uint8Array(data.offset - at);
    yield* weight.contents();
    at = data.offset + data.length;
  }
}

async function* modelChunks(graph: Uint8Array, inside: readonly Weight[], outside: readonly PlacedWeight[]): AsyncGenerator<Uint8Array> {
  const heads = inside.map((weight) => initializerHead({ header: tensor(weight), contents: byteLength(weight) }));
  const references = outside.map(({ weight, data }) => initializerHead({ header: tensor(weight, data), contents: 0 }));
  const length = inside.reduce((sum, weight, i) => sum + heads[i].length + byteLength(weight), 0)
    + references.reduce((sum, reference) => sum + reference.length, 0);
  yield modelHead(graph, length);
  yield* references;
  for (const [i, weight] of inside.entries()) {
    yield heads[i];
    yield* weight.contents();
  }
}
