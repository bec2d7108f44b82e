import type { ActivationName } from "../activations.ts";
import type { Graph } from "./graph.ts";

/** An activation, made of ONNX's operators. */
type Function = (graph: Graph, x: string) => string;

const operator = (type: string, attributes = {}): Function => (graph, x) => graph.node(type, [x], attributes);

const gelu = operator("Gelu");
const tanhGelu = operator("Gelu", { approximate: "tanh" });
const relu = operator("Relu");

const silu: Function = (graph, x) => swish(graph, x, 1);

const functions: Readonly<Record<ActivationName, Function>> = {
  gelu_new: tanhGelu,
  gelu_pytorch_tanh: tanhGelu,
  gelu_python_tanh: tanhGelu,
  gelu_fast: tanhGelu,
  gelu_accurate: tanhGelu,
  gelu,
  gelu_python: gelu,
  gelu_10: (graph, x) => clip(graph, gelu(graph, x), -10, 10),
  quick_gelu: (graph, x) => swish(graph, x, 1.702),
  relu,
  relu2: (graph, x) => {
    const positive = relu(graph, x);
    return graph.node("Mul", [positive, positive]);
  },
  relu6: (graph, x) => clip(graph, x, 0, 6),
  leaky_relu: operator("LeakyRelu", { alpha: { float: 0.01 } }),
  silu,
  swish: silu,
  hardswish: operator("HardSwish"),
  mish: operator("Mish"),
  tanh: operator("Tanh"),
  sigmoid: operator("Sigmoid"),
  linear: (_, x) => x,
  // The distribution function of a normal distribution: ½ (1 + erf((x − mean) / (std · √2))).
  laplace: (graph, x) => {
    const scaled = graph.node("Mul", [graph.node("Sub", [x, graph.number(0.707107)]), graph.number(1 / (0.282095 * Math.SQRT2))]);
    return graph.node("Mul", [graph.node("Add", [graph.node("Erf", [scaled]), graph.number(1)]), graph.number(0.5)]);
  },
};

export function activate(graph: Graph, name: ActivationName, x: string): string {
  return functions[name](graph, x);
}

/** x · σ(alpha · x). */
export function swish(graph: Graph, x: string, alpha: number): string {
  const scaled = alpha === 1 ? x : graph.node("Mul", [x, graph.number(alpha)]);
  return graph.node("Mul", [x, graph.node("Sigmoid", [scaled])]);
}

/** `x` within bounds, either of which may be missing. */
export function clip(graph: Graph, x: string, least: number | undefined, most: number): string {
  return graph.node("Clip", [x, least === undefined ? "" : graph.number(least), graph.number(most)]);
}
