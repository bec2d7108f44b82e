import type { NormConfig } from "../config.ts";
import type { Graph } from "./graph.ts";
import { block } from "./weights.ts";
import type { Matrix, GraphWeights } from "./weights.ts";

/** What a model's parts are built with. */
export interface Build {
  readonly graph: Graph;
  readonly weights: GraphWeights;
}

/** `x · weightᵀ + bias`: `[tokens, inputs]` → `[tokens, outputs]`. */
export function linear({ graph, weights }: Build, x: string, path: string): string {
  const bias = `${path}.bias`;
  return product(graph, x, weights.matrix(graph, `${path}.weight`), weights.has(bias) ? weights.float(graph, bias) : undefined);
}

/** The same of a matrix of the graph. */
export function product(graph: Graph, x: string, matrix: Matrix, bias?: string): string {
  const { values, scales, transposed = false } = matrix;
  const elements = scales === undefined ? values : dequantized(graph, values, scales, transposed ? 0 : 1);
  return graph.node("Gemm", bias === undefined ? [x, elements] : [x, elements, bias], { transB: transposed ? 0 : 1 });
}

/** Rows of a matrix, `[tokens]` → `[tokens, columns]`. */
export function rowsOf(graph: Graph, { values, scales, transposed = false }: Matrix, rows: string): string {
  const axis = transposed ? 1 : 0;
  const take = (from: string): string => graph.node("Gather", [from, rows], { axis });
  const taken = scales === undefined ? take(values) : dequantized(graph, take(values), take(scales), 1 - axis);
  return transposed ? graph.node("Transpose", [taken], { perm: [1, 0] }) : taken;
}

/** Bytes times the scales of their blocks along an axis. */
function dequantized(graph: Graph, values: string, scales: string, axis: number): string {
  return graph.node("DequantizeLinear", [values, scales], { axis, block_size: block });
}

/** Normalization over the last axis, `[…, dim]` → the same. */
export function norm({ graph, weights }: Build, x: string, path: string, { type, epsilon }: NormConfig): string {
  const weight = weights.float(graph, `${path}.weight`);
  if (type === "layer") {
    return graph.node("LayerNormalization", [x, weight, weights.float(graph, `${path}.bias`)], { axis: -1, epsilon: { float: epsilon } });
  }
  // Operators that runtimes know as one: RMSNormalization comes with opset 23.
  const squares = graph.node("ReduceMean", [graph.node("Pow", [x, graph.number(2)]), graph.integers(-1)], { keepdims: 1 });
  const root = graph.node("Sqrt", [graph.node("Add", [squares, graph.number(epsilon)])]);
  return graph.node("Mul", [graph.node("Div", [x, root]), weight]);
}
