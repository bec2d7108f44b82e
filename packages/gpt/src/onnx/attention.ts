import type { AttentionConfig, RotaryConfig } from "../config.ts";
import { rotaryTable } from "../rotary.ts";
import type { Graph } from "./graph.ts";
import { linear, norm } from "./layers.ts";
import type { Build } from "./layers.ts";

/** Below every score; finite, so that what a token of the padding sees, which is nothing, is no NaN. */
const lowest = -3.4028234663852886e38;

/** What all blocks need to know of the tokens. */
export interface Sequences {
  /** `[batch, tokens]`. */
  readonly ids: string;
  /** `[batch, tokens]`. */
  readonly positions: string;
  /** `[batch, keys]`: 1, or 0 for padding. */
  readonly mask: string;
  readonly contextLength: number;
}

/** Keys or values of a block before and after this pass, `[batch, kvHeads, keys, headDim]`. */
export interface Cache {
  readonly past: string;
  readonly present: string;
}

/** Masked multi-head attention, `[batch · tokens, dim]` → `[batch · tokens, dim]`. */
export function attention(
  build: Build, x: string, path: string, config: AttentionConfig, sequences: Sequences, caches: { readonly key: Cache; readonly value: Cache },
): string {
  const { graph } = build;
  const { heads, kvHeads, headDim, headNorm, rotary, scale = 1 / Math.sqrt(headDim) } = config;
  const group = heads / kvHeads;
  const batchAndTokens = graph.once("batch and tokens", () => graph.node("Shape", [sequences.ids]));
  const [batch, tokens] = graph.once("batch, tokens", () =>
    graph.nodes("Split", [batchAndTokens], 2, { axis: 0, num_outputs: 2 }));
  const shape = (...parts: readonly (string | number)[]): string =>
    graph.once(`shape ${parts.join()}`, () =>
      graph.node("Concat", parts.map((part) => (typeof part === "number" ? graph.integers(part) : part)), { axis: 0 }));

  const qkv = linear(build, x, `${path}.qkv`);
  const apart = graph.node("Reshape", [qkv, shape(batchAndTokens, heads + 2 * kvHeads, headDim)]);
  const [q, k, v] = graph.nodes("Split", [apart, graph.integers(heads, kvHeads, kvHeads)], 3, { axis: 2 });
  const turned = (x: string, name: string): string => {
    const normed = headNorm ? norm(build, x, `${path}.${name}`, headNorm) : x;
    return rotary ? rotate(graph, normed, headDim, rotary, sequences) : normed;
  };
  const queries = graph.node("Reshape", [turned(q, "queryNorm"), shape(batchAndTokens, kvHeads, group, headDim)]);
  const byHead = graph.node("Transpose", [queries], { perm: [0, 2, 3, 1, 4] }); // (B, kvHeads, group, T, headDim)
  const together = graph.node("Reshape", [byHead, shape(batch, kvHeads, -1, headDim)]);
  const scaled = graph.node("Mul", [together, graph.number(scale)]);
  const keys = append(graph, caches.key, graph.node("Transpose", [turned(k, "keyNorm")], { perm: [0, 2, 1, 3] }));
  const values = append(graph, caches.value, graph.node("Transpose", [v], { perm: [0, 2, 1, 3] }));

  const products = graph.node("MatMul", [scaled, graph.node("Transpose", [keys], { perm: [0, 1, 3, 2] })]);
  const scores = graph.node("Reshape", [products, shape(batch, kvHeads, group, tokens, -1)]);
  const masked = graph.node("Where", [visible(graph, sequences, config.window), scores, graph.number(lowest)]);
  const pattern = config.sinks
    ? softmaxWithSinks(graph, masked, build.weights.float(graph, `${path}.sinks`, [kvHeads, group, 1, 1]))
    : graph.node("Softmax", [masked], { axis: -1 });
  const flat = graph.node("Reshape", [pattern, graph.once(`rows ${kvHeads} ${group}`, () => {
    const rows = graph.node("Mul", [tokens, graph.integers(group)]);
    return graph.node("Concat", [batch, graph.integers(kvHeads), rows, graph.integers(-1)], { axis: 0 });
  })]);
  const gathered = graph.node("MatMul", [flat, values]); // (B, kvHeads, group · T, headDim)
  const perHead = graph.node("Reshape", [gathered, shape(batch, kvHeads, group, tokens, headDim)]);
  const perToken = graph.node("Transpose", [perHead], { perm: [0, 3, 1, 2, 4] });
  return linear(build, graph.node("Reshape", [perToken, graph.integers(-1, heads * headDim)]), `${path}.projection`);
}

/** What was there and what is new, which is also what the graph gives. */
function append(graph: Graph, { past, present }: Cache, fresh: string): string {
  return graph.output(present, "Concat", [past, fresh], { axis: 2 });
}

/** Turns the vectors of heads, `[batch, tokens, heads, headDim]`: see `RotaryConfig`. */
function rotate(graph: Graph, x: string, headDim: number, rotary: RotaryConfig, { positions, contextLength }: Sequences): string {
  const key = JSON.stringify([headDim, rotary]);
  const [cos, sin] = graph.once(`rotation ${key}`, () => {
    // From a table, as angles are exact there: large positions times frequencies are not, in f32.
    const table = graph.weight({
      name: `rotary${key}`, type: "f32", shape: [contextLength, headDim], contents: () => tableChunks(contextLength, headDim, rotary),
    });
    const rows = graph.node("Unsqueeze", [graph.node("Gather", [table, positions]), graph.integers(2)]);
    return graph.nodes("Split", [rows], 2, { axis: -1, num_outputs: 2 });
  });
  const [first, second] = graph.nodes("Split", [x], 2, { axis: -1, num_outputs: 2 });
  const product = (a: string, b: string): string => graph.node("Mul", [a, b]);
  return graph.node("Concat", [
    graph.node("Sub", [product(first, cos), product(second, sin)]),
    graph.node("Add", [product(second, cos), product(first, sin)]),
  ], { axis: -1 });
}

function* tableChunks(contextLength: number, headDim: number, rotary: RotaryConfig): Generator<Uint8Array> {
  const step = 4096;
  for (let start = 0; start < contextLength; start += step) {
    const positions = Array.from({ length: Math.min(step, contextLength - start) }, (_, i) => start + i);
    yield new Uint8Array(rotaryTable(positions, headDim, rotary).buffer);
  }
}

/** Whether a token sees a key, `[batch, 1, 1, tokens, keys]`: those before it and itself, within the window, but for padding. */
function visible(graph: Graph, { ids, mask }: Sequences, window: number | undefined): string {
  return graph.once(`visible ${window}`, () => {
    const [distance, present] = graph.once("distance", () => {
      const count = (of: string): string =>
        graph.node("Gather", [graph.node("Shape", [of]), graph.integer(1)]);
      const [tokens, keys] = [count(ids), count(mask)];
      const range = (from: string): string => graph.node("Range", [from, keys, graph.integer(1)]);
      const queries = graph.node("Unsqueeze", [range(graph.node("Sub", [keys, tokens])), graph.integers(1)]);
      return [
        graph.node("Sub", [queries, range(graph.integer(0))]), // [tokens, keys]
        graph.node("Unsqueeze", [graph.node("Cast", [mask], { to: 9 }), graph.integers(1, 2, 3)]), // [batch, 1, 1, 1, keys]
      ];
    });
    const before = graph.once("before", () => graph.node("GreaterOrEqual", [distance, graph.integer(0)]));
    const seen = window === undefined ? before : graph.node("And", [before, graph.node("Less", [distance, graph.integer(window)])]);
    return graph.node("And", [present, seen]);
  });
}

/** The softmax over the keys and a sink, without the sink's part: sinks are `[kvHeads, group, 1, 1]`. */
function softmaxWithSinks(graph: Graph, scores: string, sinks: string): string {
  const axis = graph.integers(-1);
  const largest = graph.node("Max", [graph.node("ReduceMax", [scores, axis], { keepdims: 1 }), sinks]);
  const powers = graph.node("Exp", [graph.node("Sub", [scores, largest])]);
  const sum = graph.node("ReduceSum", [powers, axis], { keepdims: 1 });
  return graph.node("Div", [powers, graph.node("Add", [sum, graph.node("Exp", [graph.node("Sub", [sinks, largest])])])]);
}
