import { inputsOf, outputShape } from "./work.ts";
import type { Input, Work } from "./work.ts";

/** `[m, k] × [k, n]`; a transposed operand lies in memory with its axes swapped. */
export interface Product {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** `c = op(a) · op(b)` of matrices, as `MatMul`, or as `Gemm` where an operand is transposed. */
export function productModel({ m, k, n, transposeA, transposeB }: Product): Uint8Array<ArrayBuffer> {
  return modelOf(
    multiplication(transposeA, transposeB),
    [
      { name: "a", shape: transposeA ? [k, m] : [m, k] },
      { name: "b", shape: transposeB ? [n, k] : [k, n] },
    ],
    { name: "c", shape: [m, n] },
  );
}

/** A model whose inputs are those of `workInputs`, and whose result is `c`. */
export function workModel(work: Work): Uint8Array<ArrayBuffer> {
  const shape = outputShape(work);
  return modelOf(operatorOf(work), workInputs(work), {
    name: "c",
    shape: work.kind === "attention" ? [1, ...shape] : shape,
  });
}

/** Attention has an axis for the batch. */
export function workInputs(work: Work): Input[] {
  const inputs = inputsOf(work);
  return work.kind === "attention" ? inputs.map((input) => ({ ...input, shape: [1, ...input.shape] })) : inputs;
}

function operatorOf(work: Work): Node {
  switch (work.kind) {
    case "product":
      return multiplication(false, work.transposeB === true);
    case "softmax":
      return { operator: "Softmax" };
    case "layerNorm":
      return { operator: "LayerNormalization" };
    case "attention": {
      const attributes = { num_heads: work.heads, unidirectional: 1 };
      return { operator: "MultiHeadAttention", domain: "com.microsoft", attributes };
    }
  }
}

function multiplication(transposeA: boolean, transposeB: boolean): Node {
  if (!transposeA && !transposeB) return { operator: "MatMul" };
  return { operator: "Gemm", attributes: { transA: Number(transposeA), transB: Number(transposeB) } };
}

interface Node {
  readonly operator: string;
  /** Of the operator, where it is none of ONNX itself. */
  readonly domain?: string;
  /** Whole numbers. */
  readonly attributes?: Readonly<Record<string, number>>;
}

interface Value {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A model in the ONNX format (onnx.proto3, fields by their numbers) with one node, all of it in f32. */
function modelOf(
  { operator, domain, attributes = {} }: Node,
  inputs: readonly Value[],
  output: Value,
): Uint8Array<ArrayBuffer> {
  const attribute = ([name, value]: readonly [string, number]): number[] =>
    bytes(5, [...text(1, name), ...varint(3, value), ...varint(20, 2)]);
  const node = [
    ...inputs.flatMap(({ name }) => text(1, name)),
    ...text(2, output.name),
    ...text(4, operator),
    ...Object.entries(attributes).flatMap(attribute),
    ...(domain === undefined ? [] : text(7, domain)),
  ];
  const graph = [
    ...bytes(1, node),
    ...text(2, "graph"),
    ...inputs.flatMap((input) => bytes(11, valueInfo(input))),
    ...bytes(12, valueInfo(output)),
  ];
  const operatorSets = [
    ...bytes(8, varint(2, 17)),
    ...(domain === undefined ? [] : bytes(8, [...text(1, domain), ...varint(2, 1)])),
  ];
  return Uint8Array.from([...varint(1, 8), ...operatorSets, ...bytes(7, graph)]);
}

/** A ValueInfoProto. */
function valueInfo({ name, shape }: Value): number[] {
  const dimensions = shape.flatMap((size) => bytes(1, varint(1, size)));
  const tensor = [...varint(1, 1), ...bytes(2, dimensions)];
  return [...text(1, name), ...bytes(2, bytes(1, tensor))];
}

function varint(field: number, value: number): number[] {
  return [...number(field * 8), ...number(value)];
}

function text(field: number, value: string): number[] {
  return bytes(field, [...new TextEncoder().encode(value)]);
}

function bytes(field: number, content: readonly number[]): number[] {
  return [...number(field * 8 + 2), ...number(content.length), ...content];
}

function number(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...number(Math.floor(value / 128))];
}
