import * as proto from "./proto.ts";
import type { Attributes, DataType, Value } from "./proto.ts";

/** A tensor of a graph whose contents are streamed. */
export interface Weight {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
  /** Its bytes, little endian, row by row. */
  contents(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * A graph of ONNX's operators while it is built. Values are known by their names; `node` gives the name of a new one.
 *
 * @example
 * const doubled = graph.node("Add", [x, x]);
 */
export class Graph {
  readonly #nodes: Uint8Array[] = [];
  readonly #weights: Map<string, Weight>;
  readonly #counts: Map<string, number>;
  readonly #known = new Map<string, unknown>();
  #path = "";

  private constructor(weights: Map<string, Weight>, counts: Map<string, number>) {
    this.#weights = weights;
    this.#counts = counts;
  }

  static create(): Graph {
    return new Graph(new Map(), new Map());
  }

  /** Names what `build` adds by the path of the part that it computes. */
  within<T>(path: string, build: () => T): T {
    const outer = this.#path;
    this.#path = path;
    try {
      return build();
    } finally {
      this.#path = outer;
    }
  }

  /** Adds a node with one output. */
  node(type: string, inputs: readonly string[], attributes?: Attributes): string {
    return this.nodes(type, inputs, 1, attributes)[0];
  }

  /** Adds a node with several outputs. An input that is left out is the empty name. */
  nodes(type: string, inputs: readonly string[], outputs: number, attributes: Attributes = {}): string[] {
    const name = this.nameOf(type);
    const names = Array.from({ length: outputs }, (_, i) => (outputs === 1 ? name : `${name}_${i}`));
    this.#nodes.push(proto.node(name, type, inputs, names, attributes));
    return names;
  }

  /** Adds a node whose output is one of the graph's, of this name. */
  output(name: string, type: string, inputs: readonly string[], attributes: Attributes = {}): string {
    this.#nodes.push(proto.node(this.nameOf(type), type, inputs, [name], attributes));
    return name;
  }

  /** What `make` adds, made once for all that ask for it by this key. */
  once<T>(key: string, make: () => T): T {
    if (!this.#known.has(key)) this.#known.set(key, this.within("", make));
    return this.#known.get(key) as T;
  }

  /** A tensor whose contents are streamed. */
  weight(weight: Weight): string {
    if (!this.#weights.has(weight.name)) this.#weights.set(weight.name, weight);
    return weight.name;
  }

  /** A list of whole numbers, such as axes and sizes. */
  integers(...values: readonly number[]): string {
    return this.weight({
      name: `i64[${values.join(",")}]`,
      type: "i64",
      shape: [values.length],
      contents: () => [new Uint8Array(BigInt64Array.from(values, BigInt).buffer)],
    });
  }

  /** A whole number without axes. */
  integer(value: number): string {
    return this.weight({
      name: `i64(${value})`, type: "i64", shape: [], contents: () => [new Uint8Array(BigInt64Array.of(BigInt(value)).buffer)],
    });
  }

  /** A number without axes, rounded to f32. */
  number(value: number): string {
    return this.weight({
      name: `f32(${value})`, type: "f32", shape: [], contents: () => [new Uint8Array(Float32Array.of(value).buffer)],
    });
  }

  /**
   * A graph that a node runs, such as the body of a loop. What it makes is its own; it sees the values of this graph, and its
   * weights are this graph's.
   */
  inner(name: string, inputs: readonly Value[], outputs: readonly Value[], build: (graph: Graph) => void): Uint8Array {
    const graph = new Graph(this.#weights, this.#counts);
    graph.#path = this.#path;
    build(graph);
    return graph.finish(name, inputs, outputs);
  }

  /** The graph, without its weights. */
  finish(name: string, inputs: readonly Value[], outputs: readonly Value[]): Uint8Array {
    return proto.graph(name, this.#nodes, inputs, outputs);
  }

  get weights(): readonly Weight[] {
    return [...this.#weights.values()];
  }

  private nameOf(type: string): string {
    const name = `${this.#path}/${type}`;
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    return count === 0 ? name : `${name}_${count}`;
  }
}
