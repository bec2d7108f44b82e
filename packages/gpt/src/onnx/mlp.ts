import type { DenseConfig, ExpertsConfig, GatedConfig, MLPConfig } from "../config.ts";
import { activate, clip, swish } from "./activations.ts";
import type { Graph } from "./graph.ts";
import { linear, product } from "./layers.ts";
import type { Build } from "./layers.ts";
import type { Matrix } from "./weights.ts";

/** A feed-forward layer, `[tokens, dim]` → `[tokens, dim]`. */
export function mlp(build: Build, x: string, path: string, config: MLPConfig): string {
  if (config.type === "experts") return experts(build, x, path, config);
  return linear(build, hidden(build.graph, config, linear(build, x, `${path}.up`)), `${path}.down`);
}

/** What goes into the last layer by what comes out of the first one. */
function hidden(graph: Graph, config: DenseConfig | GatedConfig, x: string): string {
  if (config.type === "dense") return activate(graph, config.activation, x);
  const [gate, up] = graph.nodes("Split", [x], 2, { axis: -1, num_outputs: 2 });
  if (config.gate === "silu") return graph.node("Mul", [swish(graph, gate, 1), up]);
  const { alpha, limit } = config.gate;
  const shifted = graph.node("Add", [clip(graph, up, -limit, limit), graph.number(1)]);
  return graph.node("Mul", [swish(graph, clip(graph, gate, undefined, limit), alpha), shifted]);
}

/**
 * A mixture of experts: a loop over those that any token takes. In each turn an expert computes its tokens alone, and what it
 * makes of them is added to their rows: an expert that no token takes costs nothing.
 */
function experts(build: Build, x: string, path: string, { active, expert }: ExpertsConfig): string {
  const { graph, weights } = build;
  const bias = `${path}.router.bias`;
  const router = { values: weights.float(graph, `${path}.router.weight`) };
  const scores = product(graph, x, router, weights.has(bias) ? weights.float(graph, bias) : undefined);
  const [best, chosen] = graph.nodes("TopK", [scores, graph.integers(active)], 2, { axis: -1 });
  const shares = graph.node("Softmax", [best], { axis: -1 });
  const taken = graph.node("Unique", [chosen]);
  const zeros = graph.node("Mul", [x, graph.number(0)]);
  const count = graph.node("Squeeze", [graph.node("Shape", [taken])]);
  const names = ["turn", "goes_on", "sum"].map((name) => `${path}/${name}`);
  const [turn, goesOn, sum] = names;
  const [nextGoesOn, nextSum] = [`${goesOn}_next`, `${sum}_next`];
  const sums = { type: "f32", shape: ["tokens", "dim"] } as const;
  const body = graph.inner(
    `${path}/expert`,
    [{ name: turn, type: "i64", shape: [] }, { name: goesOn, type: "bool", shape: [] }, { name: sum, ...sums }],
    [{ name: nextGoesOn, type: "bool", shape: [] }, { name: nextSum, ...sums }],
    (graph) => {
      const number = graph.node("Gather", [taken, turn]);
      const places = graph.node("NonZero", [graph.node("Equal", [chosen, number])]); // [2, its tokens]: a token, one of its choices.
      const pairs = graph.node("Transpose", [places], { perm: [1, 0] });
      const tokens = graph.node("Gather", [places, graph.integer(0)]);
      const layer = (x: string, part: string): string => {
        const { values, scales } = weights.matrix(graph, `${path}.${part}.weight`);
        const of = (all: string): string => graph.node("Gather", [all, number]);
        const matrix: Matrix = { values: of(values), scales: scales && of(scales) };
        const bias = `${path}.${part}.bias`;
        return product(graph, x, matrix, weights.has(bias) ? of(weights.float(graph, bias)) : undefined);
      };
      const up = layer(graph.node("Gather", [x, tokens]), "up");
      const results = layer(hidden(graph, expert, up), "down");
      const share = graph.node("Unsqueeze", [graph.node("GatherND", [shares, pairs]), graph.integers(1)]);
      const rows = graph.node("Unsqueeze", [tokens, graph.integers(1)]);
      graph.output(nextSum, "ScatterND", [sum, rows, graph.node("Mul", [results, share])], { reduction: "add" });
      graph.output(nextGoesOn, "Identity", [goesOn]);
    },
  );
  // A trip count ends the loop; its condition is not asked for.
  return graph.node("Loop", [count, "", zeros], { body: { graph: body } });
}
