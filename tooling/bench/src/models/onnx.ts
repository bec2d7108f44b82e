/**
 * A model in the ONNX format (onnx.proto3, fields by their numbers) with one node: `c = op(a) · op(b)` of matrices, as
 * `MatMul`, or as `Gemm` where an operand is transposed.
 */
export function productModel({ m, k, n, transposeA, transposeB }: Product): Uint8Array {
  const transposed = transposeA || transposeB;
  const attribute = (name: string, value: boolean): number[] =>
    bytes(5, [...text(1, name), ...varint(3, Number(value)), ...varint(20, 2)]);
  const attributes = transposed ? [...attribute("transA", transposeA), ...attribute("transB", transposeB)] : [];
  const node = [
    ...text(1, "a"),
    ...text(1, "b"),
    ...text(2, "c"),
    ...text(4, transposed ? "Gemm" : "MatMul"),
    ...attributes,
  ];
  const graph = [
    ...bytes(1, node),
    ...text(2, "product"),
    ...bytes(11, matrix("a", transposeA ? [k, m] : [m, k])),
    ...bytes(11, matrix("b", transposeB ? [n, k] : [k, n])),
    ...bytes(12, matrix("c", [m, n])),
  ];
  const operatorSet = varint(2, 13);
  return Uint8Array.from([...varint(1, 8), ...bytes(8, operatorSet), ...bytes(7, graph)]);
}

/** `[m, k] × [k, n]`; a transposed operand lies in memory with its axes swapped. */
export interface Product {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** A ValueInfoProto: a matrix of f32. */
function matrix(name: string, shape: readonly number[]): number[] {
  const dimensions = shape.flatMap((size) => bytes(1, varint(1, size)));
  const tensor = [...varint(1, 1), ...bytes(2, dimensions)];
  return [...text(1, name), ...bytes(2, bytes(1, tensor))];
}

function varint(field: number, value: number): number[] {
  return [...number(field * 8), ...number(value)];
}

function text(field: number, value: string): number[] {
  return bytes(field, [...Buffer.from(value)]);
}

function bytes(field: number, content: readonly number[]): number[] {
  return [...number(field * 8 + 2), ...number(content.length), ...content];
}

function number(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...number(Math.floor(value / 128))];
}
